"""The document of the API, made of its table of operations."""

from __future__ import annotations

import inspect
from importlib.metadata import version
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.json import schema_components

from router.control.api import OPERATIONS, Operation
from router.control.messages import ErrorView, FlowsView, Health

__all__ = ["document"]

_REFS = "#/components/schemas/{name}"
_NAMES = {
    "flow": "The name of a flow.",
    "name": "The name of a processor.",
    "id": "The id of a connection.",
    "letter": "The id of a dead letter.",
    "record": "The number of a record.",
}
_NUMBER = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
_REFUSALS = {
    "400": "What was asked cannot be done as it was said.",
    "401": "The token is missing, or wrong.",
    "404": "There is no such thing.",
    "409": "The flow cannot do that, as it is.",
    "429": "Too many do this already.",
    "503": "The flow is ending, or its data cannot be reached now.",
}


def document() -> dict[str, Any]:
    """The whole API, as OpenAPI 3.1."""
    types: list[type[Struct]] = [ErrorView, FlowsView, Health]
    for each in OPERATIONS:
        types += [kind for kind in (each.answer, each.body) if isinstance(kind, type)]
    distinct = list(dict.fromkeys(types))
    schemas, components = schema_components(distinct, ref_template=_REFS)
    known = dict(zip(distinct, schemas, strict=True))
    paths: dict[str, Any] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, known)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "router",
            "version": version("stream-router"),
            "description": "Watch and steer running flows.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {**_about_the_process(known), **paths},
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}, {}],
    }


def _about_the_process(known: dict[type[Struct], Any]) -> dict[str, Any]:
    """What is asked of the process, not of a flow."""
    health = {"200": _answer("It is.", known[Health]), "503": _answer("It is not.", known[Health])}
    text = {"200": {"description": "The text format, version 0.0.4.", "content": {"text/plain": {}}}}
    return {
        "/api/flows": {"get": _get("flows", "List the flows that are served here.", _answers(known[FlowsView], known))},
        "/healthz": {"get": _get("healthz", "Say that the process is alive.", health)},
        "/readyz": {"get": _get("readyz", "Say whether all flows run.", health)},
        "/metrics": {"get": _get("metrics", "Give figures for Prometheus.", text)},
    }


def _get(id: str, summary: str, responses: dict[str, Any]) -> dict[str, Any]:
    return {"operationId": id, "summary": summary, "tags": ["process"], "responses": responses}


def _operation(each: Operation, known: dict[type[Struct], Any]) -> dict[str, Any]:
    doc = inspect.getdoc(each.handle) or ""
    found: dict[str, Any] = {
        "operationId": each.id,
        "summary": each.summary,
        "description": doc,
        "tags": [each.id.partition(".")[0]],
        "parameters": [_path_parameter(name) for name in each.names] + _query_parameters(each.query),
    }
    if each.body is not None:
        schema = known[each.body]
        needs_one = any(field.required for field in msgspec.structs.fields(each.body))
        found["requestBody"] = {"required": needs_one, "content": {"application/json": {"schema": schema}}}
    if isinstance(each.answer, str):
        stream = {"description": each.summary, "content": {each.answer: {"schema": {"type": "string"}}}}
        found["responses"] = {"200": stream, **_refusals(known)}
    else:
        found["responses"] = _answers(known[each.answer], known)
    return found


def _answers(schema: Any, known: dict[type[Struct], Any]) -> dict[str, Any]:
    return {"200": _answer("What was asked for.", schema), **_refusals(known)}


def _refusals(known: dict[type[Struct], Any]) -> dict[str, Any]:
    found = {status: _answer(text, known[ErrorView]) for status, text in _REFUSALS.items()}
    found["400"]["content"]["text/plain"] = {"schema": {"type": "string"}}  # where it is no HTTP at all
    return found


def _answer(text: str, schema: Any) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _path_parameter(name: str) -> dict[str, Any]:
    return {
        "name": name, "in": "path", "required": True, "description": _NAMES[name],
        "schema": _NUMBER if name in ("letter", "record") else {"type": "string", "minLength": 1},
    }  # fmt: skip


def _query_parameters(query: type[Struct] | None) -> list[dict[str, Any]]:
    if query is None:
        return []
    (_,), components = schema_components([query], ref_template=_REFS)
    described = components[query.__name__]
    required = described.get("required", [])
    return [
        {
            "name": name, "in": "query", "required": name in required,
            "schema": _plain(schema), **({"description": schema["description"]} if "description" in schema else {}),
        }
        for name, schema in described["properties"].items()
    ]  # fmt: skip


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Without null, which a query parameter says by not being there."""
    kinds = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(kinds) == 1:
        schema = {**{key: value for key, value in schema.items() if key != "anyOf"}, **kinds[0]}
    return {
        key: value for key, value in schema.items() if key != "description" and not (key == "default" and value is None)
    }


def encoded() -> bytes:
    """The document as JSON."""
    return msgspec.json.encode(document())
