"""Read one processor: its type, settings, run options and targets, each as far as it goes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from router.authoring import Processor, Source
from router.config import Config
from router.errors import nearest
from router.flow import Ending, RunOptions
from router.functions import FunctionProcessor
from router.loader import combinations
from router.loader.document import Path, Problems, found
from router.loader.later import later_type
from router.loader.settings import check
from router.loader.substitute import Substitution
from router.loader.targets import NAME, OTHERS, Target, read_targets
from router.plugins import Registry
from router.relationship import FAILURE, RESERVED, RETRY, UNAVAILABLE, Relationship

_KEYS = frozenset({"type", "to", "description", "run"})
_ENDINGS = frozenset(each.value for each in Ending)


@dataclass
class Draft:
    """A processor as far as it could be read; None where a part could not be."""

    name: str
    path: Path
    kind: type[Processor] | None = None
    config: Config | None = None
    run: RunOptions | None = None
    relationships: tuple[Relationship, ...] | None = None
    inputs: tuple[str, ...] | None = None
    targets: dict[str, list[Target]] = field(default_factory=dict)
    description: str = ""
    reads_from: tuple[str, ...] = ()
    writes_to: tuple[str, ...] = ()

    @property
    def is_source(self) -> bool:
        """True if it is known to be a source."""
        return self.kind is not None and issubclass(self.kind, Source)

    def is_whole(self, problems: Problems) -> bool:
        """True if its place in the graph is known."""
        spread = OTHERS not in self.targets or self.relationships is not None
        return spread and self.kind is not None and not problems.holds_spoiled((*self.path, "to"))


class DraftReader:
    """Reads the processors of one flow."""

    def __init__(
        self, problems: Problems, context: Mapping[str, Any], substitution: Substitution, defaults: dict[str, Any]
    ) -> None:
        self._problems = problems
        self._context = context
        self._registry: Registry = context["registry"]
        self._substitution = substitution
        self._defaults = defaults

    def read(self, name: str, data: Any) -> Draft:
        """Read one; what is wrong with it is noted."""
        path: Path = ("processors", name)
        draft = Draft(name, path)
        self._check_name(name, path)
        if self._problems.is_spoiled(path):
            return draft
        if not isinstance(data, dict):
            self._problems.spoil(path, f"a processor is a mapping with 'type', got {found(data)}")
            return draft
        data = self._substitution.settings(data, path)
        draft.description = self._description(data, path)
        draft.kind = self._kind(data, path)
        if "to" in data:
            draft.targets = read_targets(data["to"], (*path, "to"), self._problems, self._context)
        if draft.kind is not None:
            settings = {key: value for key, value in data.items() if key not in _KEYS}
            draft.config = check(draft.kind.config_class(), settings, path, self._problems, self._context)
        draft.run = self._run(draft, data, path)
        if draft.kind is not None:
            self._ask(draft)
            if draft.run is not None:
                combinations.check(draft.kind, draft.run, data.get("run"), path, self._problems)
        return draft

    def _check_name(self, name: str, path: Path) -> None:
        if name in _ENDINGS:
            self._problems.add(path, f"the name {name!r} is taken: 'to: {name}' means an ending; choose another")
        elif not NAME.fullmatch(name):
            self._problems.add(path, f"a processor's name is lower_snake, such as 'score', got {name!r}")

    def _description(self, data: dict[str, Any], path: Path) -> str:
        description = data.get("description", "")
        if isinstance(description, str):
            return description
        self._problems.add((*path, "description"), f"'description' must be a text, got {found(description)}")
        return ""

    def _kind(self, data: dict[str, Any], path: Path) -> type[Processor] | None:
        inner = (*path, "type")
        word = data.get("type")
        known = self._registry.processors
        if self._problems.is_spoiled(inner):
            return None
        if "type" not in data:
            self._problems.add(path, "'type' is missing: what the processor does, such as 'filter'")
        elif not isinstance(word, str):
            self._problems.add(inner, f"'type' must be a text, got {found(word)}")
        elif word in known:
            return known[word]
        elif "${" in word:
            self._problems.add(inner, f"{word!r} is not filled in here; types are written out")
        elif said := later_type(word):
            self._problems.add(inner, said)
        else:
            broken = "".join(f"; a plugin that may have it is broken: {each}" for each in self._registry.problems)
            self._problems.add(inner, f"no processor type {word!r}{nearest(word, known)}{broken}")
        return None

    def _run(self, draft: Draft, data: dict[str, Any], path: Path) -> RunOptions | None:
        inner = (*path, "run")
        given = data.get("run", {})
        if not isinstance(given, dict):
            if not self._problems.is_spoiled(inner):
                self._problems.add(inner, f"'run' must be a mapping, got {found(given)}")
            return None
        own: dict[str, Any] = {}
        if draft.kind is not None and draft.config is not None:
            try:
                own = dict(draft.kind.run_for(draft.config))
            except Exception as error:  # noqa: BLE001 - an author's code may raise anything
                self._cannot_say(draft, error)
        return check(RunOptions, merged(own, self._defaults, given), inner, self._problems, self._context)

    def _ask(self, draft: Draft) -> None:
        """Ask the class for what depends on the settings; an author's code may raise anything."""
        if draft.kind is None or draft.config is None:
            return
        try:
            wrong = [str(said) for said in draft.kind.check(draft.config)]
            for said in wrong:
                self._problems.add(_meant(draft.path, draft.config, said), said)
            draft.reads_from = tuple(draft.kind.reads_from(draft.config))
            draft.writes_to = tuple(draft.kind.writes_to(draft.config))
            draft.inputs = tuple(draft.kind.inputs_for(draft.config))
            own = tuple(draft.kind.relationships_for(draft.config))
            draft.relationships = self._relationships(draft, own, known_wrong=bool(wrong))
        except Exception as error:  # noqa: BLE001 - see above
            self._cannot_say(draft, error)

    def _cannot_say(self, draft: Draft, error: BaseException) -> None:
        assert draft.kind is not None
        said = f"type {draft.kind.type_name!r} cannot say what it does with these settings"
        self._problems.add(draft.path, f"{said}: {type(error).__name__}: {error}")

    def _relationships(
        self, draft: Draft, own: tuple[Relationship, ...], *, known_wrong: bool
    ) -> tuple[Relationship, ...] | None:
        assert draft.kind is not None
        names = [each.name for each in own]
        wrong = next((name for name in names if name in {*RESERVED, OTHERS} or names.count(name) > 1), None)
        if wrong is not None:
            if not known_wrong:
                self._problems.add(draft.path, f"the relationship name {wrong!r} is taken; choose another")
            return None
        if not draft.is_source and FAILURE.name not in names:
            own = (*own, FAILURE)
        if draft.run is None or draft.run.retry is not None:
            own = (*own, UNAVAILABLE)
        if issubclass(draft.kind, FunctionProcessor) and not draft.kind.closed:
            # What a bare function may return is known to its author alone: `to` says it.
            known = {each.name for each in own} | {RETRY.name, UNAVAILABLE.name}
            more = [each for each in draft.targets if each not in known and NAME.fullmatch(each)]
            own = (*own, *map(Relationship, more))
        return own


def merged(*settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings over those named before them, mapping by mapping."""
    made: dict[str, Any] = {}
    for each in settings:
        for key, value in each.items():
            below = made.get(key)
            made[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return made


def _meant(path: Path, config: Config, said: str) -> Path:
    """Where a problem belongs that a class found: at the setting its first word names."""
    word = re.match(r"'([a-z_]+)'", said)
    return (*path, word[1]) if word and word[1] in type(config).model_fields else path
