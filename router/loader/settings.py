"""Check settings against their class, and say what pydantic found in the words of the flow file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar, get_args

from pydantic import ValidationError

from router.choice import Choice
from router.config import Config
from router.errors import nearest
from router.expression import ExpressionError
from router.loader.document import NOTHING, Path, Problems, at, found, holds_secret, name_of, step
from router.loader.later import later
from router.loader.phrases import noun_of, sentence_of
from router.loader.traps import comment_hint
from router.plugins import Registry

C = TypeVar("C", bound=Config)
K = TypeVar("K")


def check(kind: type[C], data: dict[str, Any], path: Path, problems: Problems, context: Mapping[str, Any]) -> C | None:
    """Make settings of data that stands at ``path``; None, and all problems noted, where it cannot be."""
    registry: Registry = context["registry"]
    before = len(problems)
    made: C | None = None
    try:
        with registry.functions.active():
            made = kind.model_validate(data, context=dict(context))
    except ValidationError as error:
        _Explained(kind, data, path, problems, registry).note(error)
    except Exception as error:  # noqa: BLE001 - a validator of a plugin may raise anything
        problems.add(path, f"its settings cannot be read: {type(error).__name__}: {error}")
    return made if len(problems) == before and not problems.holds_spoiled(path) else None


class _Explained:
    """One failed check: its errors by the part of the data they are about, said once each."""

    def __init__(
        self, kind: type[Config], data: dict[str, Any], path: Path, problems: Problems, registry: Registry
    ) -> None:
        self._kind = kind
        self._data = data
        self._path = path
        self._problems = problems
        self._registry = registry

    def note(self, error: ValidationError) -> None:
        """Note every error, each at its place."""
        by_place: dict[Path, list[Any]] = {}
        for each in _unfolded(error, ()):
            by_place.setdefault(self._within(each), []).append(each)
        for inner, errors in by_place.items():
            # Of the forms a value may have, the one that was read furthest is the one that was meant.
            if any(len(other) > len(inner) and other[: len(inner)] == inner for other in by_place):
                errors = [each for each in errors if len(each["loc"]) == len(inner)]  # noqa: PLW2901
            if errors and not self._problems.holds_spoiled(self._path + inner):
                self._say(inner, errors)

    def _within(self, error: Mapping[str, Any]) -> Path:
        """The path of an error in the data; pydantic's own marks (which form, which key) are left out."""
        inner: list[str | int] = []
        data: Any = self._data
        loc = error["loc"]
        for number, each in enumerate(loc):
            following = step(data, each)
            if following is not NOTHING:
                data = following
            elif number < len(loc) - 1 or error["type"] != "missing":
                continue
            inner.append(each)
        return tuple(inner)

    def _say(self, inner: Path, errors: list[Any]) -> None:
        path = self._path + inner
        first = errors[0]
        if first["type"] == "extra_forbidden":
            self._problems.add(path, self._unknown(inner))
        elif first["type"] == "missing":
            self._problems.add(path, self._missing(inner))
        elif expression := next((each for each in map(_cause, errors) if isinstance(each, ExpressionError)), None):
            self._say_expression(path, expression)
        else:
            self._problems.add(path, f"{name_of(path)}{self._sentence(errors, at(self._data, inner))}")

    def _sentence(self, errors: list[Any], value: Any) -> str:
        """What follows the setting's name."""
        joined = _joined(errors)
        if joined is not None:
            return f" must be {joined}, got {found(value)}"
        if _cause(errors[0]) is None:
            return f" {sentence_of(errors[0], found(value))}"
        return " does not take the secret it was given" if holds_secret(value) else f": {_cause(errors[0])}"

    def _say_expression(self, path: Path, error: ExpressionError) -> None:
        document = self._problems.document
        value = at(self._data, path[len(self._path) :])
        source = f", in {found(error.source)}" if isinstance(value, str) and not holds_secret(value) else ""
        said = f"{name_of(path)}: {error.problem}{source}{comment_hint(document.line_rest(path))}"
        self._problems.add(path, said, place=document.offset_place(path, error.source, error.column))

    # -- names ----------------------------------------------------------------------------------

    def _unknown(self, inner: Path) -> str:
        word = str(inner[-1])
        if said := later(word, self._path + inner):
            return said
        names = self._names(inner[:-1])
        return f"no setting {name_of(self._path + inner)}{nearest(word, names)}"

    def _missing(self, inner: Path) -> str:
        described = next(
            (
                field.description
                for kind in self._kinds(inner[:-1])
                for name, field in kind.model_fields.items()
                if (field.alias or name) == inner[-1] and field.description
            ),
            "",
        )
        means = f": {described[0].lower()}{described[1:].rstrip('.')}" if described else ""
        return f"the setting {name_of(self._path + inner)} is missing{means}"

    def _names(self, inner: Path) -> Iterable[str]:
        return [field.alias or name for kind in self._kinds(inner) for name, field in kind.model_fields.items()]

    def _kinds(self, inner: Path) -> list[type[Config]]:
        """The classes that may describe the mapping at a path: by annotation, or by the ``type`` it names."""
        kinds: list[type[Config]] = [self._kind]
        choices: list[type[Choice]] = []
        for each in inner:
            fields = [
                field for kind in kinds for name, field in kind.model_fields.items() if each in {field.alias, name}
            ]
            if fields:  # else a position, or a key of the author's own
                kinds = [kind for field in fields for kind in _within(field.annotation, Config)]
                choices = [kind for field in fields for kind in _within(field.annotation, Choice)]
        chosen = at(self._data, inner)
        name = chosen.get("type") if isinstance(chosen, dict) else chosen
        known = (choice.known(self._registry).get(name) for choice in choices if isinstance(name, str))
        return [*kinds, *(kind.config_class() for kind in known if kind is not None)]


def _unfolded(error: ValidationError, outer: tuple[str | int, ...]) -> Iterator[dict[str, Any]]:
    """All errors, those of settings within a setting in place of the one that sums them up."""
    for each in error.errors(include_url=False):
        cause = _cause(each)
        if cause is not None and isinstance(cause.__cause__, ValidationError):
            yield from _unfolded(cause.__cause__, (*outer, *each["loc"]))
        else:
            yield {**each, "loc": (*outer, *each["loc"])}


def _joined(errors: list[Any]) -> str | None:
    """What a value may be, where the errors only name kinds of values."""
    nouns = [noun_of(each) for each in errors]
    if None in nouns:
        return None
    return " or ".join(dict.fromkeys(each for each in nouns if each is not None))


def _cause(error: Mapping[str, Any]) -> BaseException | None:
    cause = (error.get("ctx") or {}).get("error")
    return cause if isinstance(cause, BaseException) else None


def _within(annotation: Any, base: type[K]) -> Iterator[type[K]]:
    """The subclasses of ``base`` within an annotation, such as ``Options | None``."""
    if isinstance(annotation, type) and issubclass(annotation, base):
        yield annotation
    for each in get_args(annotation):
        yield from _within(each, base)
