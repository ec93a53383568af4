"""The JSON Schema of flow files, for editors: made of the classes, so that it cannot disagree with them."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from datetime import timedelta
from pathlib import PurePath
from typing import Any, Literal

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind, models_json_schema
from pydantic_core import core_schema

from router.authoring import Processor
from router.config import DURATION_PATTERN, Config, write_duration
from router.flow import FlowRun, QueueOptions, RunOptions
from router.functions import FunctionProcessor
from router.loader.targets import NAME, OTHERS
from router.plugins import Registry
from router.relationship import UNAVAILABLE

Schema = dict[str, Any]

_NAME = f"^{NAME.pattern}$"
_TARGET = rf"^{NAME.pattern}(\.{NAME.pattern})?$"
_OUTER = ("description", "default", "examples")  # what an editor shows of a value, whatever forms it has
_FILLED: Schema = {"type": "string", "pattern": r"\$\{", "description": "Filled in: a parameter, or the environment."}


def flow_schema(registry: Registry) -> Schema:
    """Describe flow files that use these plugins, as JSON Schema (2020-12).

    Anything a flow may hold is allowed by it; what only the loader can see (targets that do not
    exist, expressions, relationships that lead nowhere) is not refused by it.
    """
    kinds = dict(sorted(registry.processors.items()))
    configs: set[type[Config]] = {RunOptions, QueueOptions, FlowRun, *(kind.config_class() for kind in kinds.values())}
    ordered = sorted(configs, key=lambda each: (each.__module__, each.__qualname__))
    wanted: list[tuple[Any, Literal["validation"]]] = [(each, "validation") for each in ordered]
    references, made = models_json_schema(wanted, schema_generator=_Generator)
    models: dict[str, Schema] = {name: _model(each) for name, each in made.get("$defs", {}).items()}
    by_class = {each: references[each, "validation"]["$ref"].rpartition("/")[2] for each in ordered}
    models[by_class[FlowRun]]["properties"]["defaults"] = _ref(by_class[RunOptions])
    types = {f"type_{name}": _type(name, kind, models, by_class) for name, kind in kinds.items()}
    own = {
        "filled": _FILLED,
        "target": _target(by_class[QueueOptions]),
        "targets": _targets(),
        "processor": _any(kinds),
    }
    return _flow(_ref(by_class[FlowRun])) | {"$defs": {**own, **types, **models}}


class _Generator(GenerateJsonSchema):
    """Pydantic's, with durations as people write them, and room for what only code can check."""

    ignored_warning_kinds: set[JsonSchemaWarningKind] = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 - pydantic's own form

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> Schema:
        return {"anyOf": [{"type": "string", "pattern": DURATION_PATTERN}, {"const": 0}]}

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> Schema:
        return {}

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, timedelta):
            return write_duration(dft)
        if isinstance(dft, PurePath) or hasattr(dft, "source"):
            return str(dft)
        return super().encode_default(dft)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Schema:
        made = super().default_schema(schema)
        # The defaults of settings within settings stand with those.
        if isinstance(schema.get("default"), Config):
            made.pop("default", None)
        return made


def _flow(run: Schema) -> Schema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A flow of router",
        "type": "object",
        "required": ["flow", "processors"],
        "additionalProperties": False,
        "properties": {
            "flow": {"type": "string", "pattern": _NAME, "description": "The flow's name."},
            "version": {"type": "string", "description": "The flow's version, for people."},
            "description": {"type": "string", "description": "What the flow does."},
            "plugins": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Files of processors, such as ./mine.py.",
            },
            "parameters": {
                "type": "object",
                "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
                "description": "Values that `--set` replaces, used as ${name}; null means it must be given.",
            },
            "processors": {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": _NAME, "not": {"enum": ["drop", "dead_letters", "reject"]}},
                "additionalProperties": _ref("processor"),
                "description": "The steps of the flow by name; their order means nothing.",
            },
            "run": run,
        },
    }


def _any(kinds: dict[str, type[Processor]]) -> Schema:
    """A processor: its type decides what else it takes."""
    return {
        "type": "object",
        "required": ["type"],
        "properties": {
            "type": {
                "oneOf": [{"const": name, "description": _summary(kind)} for name, kind in kinds.items()] or [False]
            }
        },
        "allOf": [
            {
                "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
                "then": _ref(f"type_{name}"),
            }
            for name in kinds
        ]
        or [True],
    }


def _type(name: str, kind: type[Processor], models: dict[str, Schema], by_class: dict[type[Config], str]) -> Schema:
    settings = models[by_class[kind.config_class()]]
    return {
        "description": inspect.getdoc(kind) or "",
        "type": "object",
        "required": ["type", *settings.get("required", [])],
        "additionalProperties": False,
        "properties": {
            "type": {"const": name},
            "description": {"type": "string", "description": "What this step is for."},
            **settings.get("properties", {}),
            "run": _fillable(_ref(by_class[RunOptions])),
            "to": _to(kind),
        },
    }


def _to(kind: type[Processor]) -> Schema:
    known = {each.name: each.description for each in (*kind.relationships, UNAVAILABLE)}
    known[OTHERS] = "Every other relationship that must be connected."
    closed = _has_fixed_relationships(kind)
    return {
        "description": "Where records go: a processor, 'drop', 'dead_letters' or 'reject'; a list; or by relationship.",
        "anyOf": [
            _ref("targets"),
            {
                "type": "object",
                "minProperties": 1,
                "properties": {name: _ref("targets") | {"description": text} for name, text in known.items()},
                "additionalProperties": False if closed else _ref("targets"),
                "propertyNames": {"not": {"enum": ["processor", "queue", "name"]}},
            },
        ],
    }


def _has_fixed_relationships(kind: type[Processor]) -> bool:
    asked = kind.relationships_for.__func__ is not Processor.relationships_for.__func__  # type: ignore[attr-defined]
    is_open = issubclass(kind, FunctionProcessor) and not kind.closed
    # `failure` is there whether a class names it or not.
    return not asked and not is_open and any(each.name == "failure" for each in kind.relationships)


def _target(queue: str) -> Schema:
    return {
        "anyOf": [
            {"type": "string", "pattern": _TARGET},
            {
                "type": "object",
                "required": ["processor"],
                "additionalProperties": False,
                "properties": {
                    "processor": {"type": "string", "pattern": _TARGET, "description": "Where records go."},
                    "queue": {"anyOf": [{"const": "memory"}, _ref(queue)]},
                    "name": {"type": "string", "pattern": _NAME, "description": "The connection's name."},
                },
            },
        ]
    }


def _targets() -> Schema:
    return {"anyOf": [_ref("target"), {"type": "array", "minItems": 1, "items": _ref("target")}]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _summary(kind: type[Processor]) -> str:
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def _model(schema: Schema) -> Schema:
    """A model as pydantic describes it, each value also as a ``${...}`` that fills it in."""
    schema.pop("title", None)
    properties = schema.get("properties")
    if properties is not None:
        schema["properties"] = {name: _fillable(each) for name, each in properties.items()}
    return schema


def _fillable(schema: Schema) -> Schema:
    schema = {key: _inside(key, value) for key, value in schema.items()}
    forms: Iterable[Schema] = schema.get("anyOf") or [{key: each for key, each in schema.items() if key not in _OUTER}]
    if any(each == {} or _takes_any_text(each) for each in forms):
        return schema
    outer = {key: each for key, each in schema.items() if key in _OUTER}
    return {**outer, "anyOf": [*forms, _ref("filled")]}


def _inside(key: str, value: Any) -> Any:
    return _fillable(value) if key in {"items", "additionalProperties"} and isinstance(value, dict) else value


def _takes_any_text(schema: Schema) -> bool:
    kinds = schema.get("type")
    narrowed = {"enum", "const", "pattern", "format", "minLength", "maxLength"} & schema.keys() - {"format"}
    return (kinds == "string" or (isinstance(kinds, list) and "string" in kinds)) and not narrowed
