"""A setting that chooses a thing by its name, and may give it settings of its own."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, get_type_hints

from pydantic import ValidationError, ValidationInfo
from pydantic_core import core_schema

from router.config import Config
from router.errors import nearest

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

__all__ = ["Choice"]


class Choice:
    """Base of what a flow chooses by ``name`` or ``{type: name, ...}``.

    A field of a ``Config`` annotated with a subclass reads either form and holds an instance,
    made with the settings beside ``type``: those of the ``Config`` its ``config`` is annotated with.
    """

    type_name: ClassVar[str] = ""
    """The name in a flow."""
    noun: ClassVar[str] = "choice"
    """What it is, in error messages."""
    config: Config
    """The settings; annotate it with a subclass of Config to have any."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config if config is not None else self.config_class()()

    @classmethod
    def config_class(cls) -> type[Config]:
        """The class of ``config``, from its annotation."""
        found = get_type_hints(cls).get("config")
        return found if inspect.isclass(found) and issubclass(found, Config) else Config

    @classmethod
    def known(cls, registry: Any) -> Mapping[str, type[Choice]]:
        """The classes a registry holds, by name."""
        raise NotImplementedError

    @classmethod
    def named(cls, value: object, info: ValidationInfo) -> object:
        """What was chosen, as a name or a mapping; a subclass may know what is meant where nothing is given."""
        return value

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={getattr(self.config, name)!r}" for name in sorted(self.config.model_fields_set))
        return f"<{self.noun} {self.type_name}{': ' if given else ''}{given}>"

    def __str__(self) -> str:
        return self.type_name

    @classmethod
    def _validated(cls, value: object, info: ValidationInfo) -> Self:
        if isinstance(value, cls):
            return value
        registry = (info.context or {}).get("registry")
        kinds = cls.known(registry) if registry is not None else {}
        name, settings = cls._name_and_settings(cls.named(value, info))
        kind = kinds.get(name)
        if kind is None or not issubclass(kind, cls):
            known = ", ".join(sorted(kinds)) or "none, for no registry was given"
            raise ValueError(f"no {cls.noun} {name!r}{nearest(name, kinds)}; known are {known}")
        try:
            return kind(kind.config_class().model_validate(settings, context=info.context))
        except ValidationError as error:
            raise ValueError(f"{cls.noun} {name!r}: {_problems(error, kind.config_class())}") from error

    @classmethod
    def _name_and_settings(cls, value: object) -> tuple[str, dict[str, Any]]:
        if isinstance(value, str) and value:
            return value, {}
        if isinstance(value, Mapping):
            settings = dict(value)
            name = settings.pop("type", None)
            if isinstance(name, str) and name:
                return name, settings
        raise ValueError(f"a {cls.noun} is a name, or a mapping of 'type' and its settings; got {value!r:.80}")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            cls._validated, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {
            "anyOf": [
                {"type": "string"},
                {"type": "object", "properties": {"type": {"type": "string"}}, "required": ["type"]},
            ],
            "description": f"A {cls.noun}: its name, or a mapping of `type` and its settings.",
        }


def _problems(error: ValidationError, config: type[Config]) -> str:
    return "; ".join(_problem(dict(each), config) for each in error.errors(include_url=False, include_context=False))


def _problem(found: dict[str, Any], config: type[Config]) -> str:
    where = ".".join(str(each) for each in found["loc"])
    if found["type"] == "extra_forbidden":
        return f"no setting {where!r}{nearest(where, config.model_fields)}"
    if found["type"] == "missing":
        return f"{where!r} is missing"
    text = str(found["msg"]).removeprefix("Value error, ")
    return f"{where!r}: {text[:1].lower()}{text[1:]}, got {found['input']!r:.80}" if where else text
