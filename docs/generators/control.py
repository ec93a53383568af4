"""The page of the control API, from its table of operations, its messages and its client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from docs.generators import markdown
from docs.generators.api import entry
from router.cli.reference_pages import table
from router.control import client
from router.control.openapi import document

INTRODUCTION = """\
# Watch and steer running flows

A flow that is run by `router run` can be looked into and steered while it runs: from the command line, by a program, from
Prometheus. All of them use one API, HTTP with JSON.

```console
$ router status                                        # the flows that run
$ router top tweets                                    # one of them, on one screen
$ router tap tweets 'score.success>route'              # records as they pass
$ router queue show tweets 'score.success>route'       # records that wait
$ router processor tweets score stop                   # its queue fills, what feeds it waits, nothing is lost
$ router stop tweets                                   # sources first, then what is under way arrives
```

## Where it is served

Each flow has a socket, `control.sock`, in its data folder, for the user who runs it alone. Where that path would be too long for
a socket, it is in the user's runtime folder, and `control.path` in the data folder says where. `--no-control` leaves it out.

```console
$ curl --unix-socket ~/.local/state/router/tweets/control.sock http://localhost/api/flows/tweets
```

`--listen HOST:PORT` serves the flows of the process over TCP too. Whoever asks shows a token, as `Authorization: Bearer TOKEN`:
that of `--token-file`, that of the variable `ROUTER_TOKEN`, or one that is made and printed once. Beyond this machine it is served
only with a certificate (`--tls-cert`, `--tls-key`). Requests have to come by an address, by the name that is listened on, by the
machine's own, or by one named with `--allow-host`; pages of other sites are refused. `/healthz` and `/readyz` ask for no token.

Secrets (`${secret:NAME}`) are shown nowhere: not in settings, errors, bulletins or logs, not even in records.

## What it costs

Until somebody asks, a socket and a look at the flow's own counters once a second. HTTP is loaded when the first client comes.
Then at most 100 requests a second are answered, two heavy ones at a time, long lists in slices of 2 ms with turns for the flow
between them. There is room for 200 clients and 20 taps a flow; who leaves unread what he asked for is cut off after ten seconds.
A flow that reads, routes and writes at full speed keeps 99 % of it while its state and its records are asked for twice a second
(`make bench ARGS='--only control'`).

## Operations

A connection's id goes into a path percent-encoded: `score.success%3Eroute`. Times are seconds since 1970. What is refused is
answered with `{"error": "..."}`. The same, for programs: `/api/openapi.json`, an OpenAPI 3.1 document.
"""


def page() -> str:
    """Write the page: how it is reached, what can be asked, what is answered, the client."""
    found = document()
    parts = [INTRODUCTION]
    for path, methods in found["paths"].items():
        parts += [_operation(method, path, each) for method, each in methods.items()]
    parts.append("## Answers\n")
    bodies = {name for each in _operations(found) for name in _references(each.get("requestBody"))}
    schemas = found["components"]["schemas"]
    parts += [_message(name, each) for name, each in schemas.items() if name not in bodies or name == "LogLevel"]
    parts.append("## The client\n")
    parts.append("`router.control.client` is how a program asks; the commands use nothing else.\n")
    parts += [entry(name, getattr(client, name)) for name in ("Client", "FlowClient", "running_flows", "Found")]
    return "\n".join(parts)


def _operations(found: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (each for methods in found["paths"].values() for each in methods.values())


def _operation(method: str, path: str, each: Mapping[str, Any]) -> str:
    lines = [
        f"### `{method.upper()} {path}`\n",
        markdown.docstring(_Said(each.get("description") or each["summary"])) + "\n",
    ]
    asked = [
        (f"`{one['name']}`", _kind(one["schema"]), _said(one))
        for one in each.get("parameters", ())
        if one["in"] == "query"
    ]
    for name in _references(each.get("requestBody")):
        schema = document()["components"]["schemas"][name]
        asked += [(f"`{field}`", _kind(one), _said(one)) for field, one in schema["properties"].items()]
    if asked:
        lines.append(
            f"{'In its body' if 'requestBody' in each else 'Parameters'}:\n\n{table(('name', 'type', 'what it is'), asked)}\n"
        )
    answer = each["responses"]["200"]["content"]
    names = _references(answer)
    lines.append(f"Answers [{names[0]}](#{names[0].lower()}).\n" if names else f"Answers `{next(iter(answer))}`.\n")
    return "\n".join(lines)


def _message(name: str, schema: Mapping[str, Any]) -> str:
    rows = [(f"`{field}`", _kind(each), _said(each)) for field, each in schema["properties"].items()]
    return f"### {name}\n\n{schema.get('description', '')}\n\n{table(('field', 'type', 'what it is'), rows)}\n"


class _Said:
    """Holds a description as a docstring."""

    def __init__(self, text: str) -> None:
        self.__doc__ = text


def _said(schema: Mapping[str, Any]) -> str:
    text = str(schema.get("description", ""))
    default = schema.get("schema", schema).get("default")
    return f"{text} Default: `{default}`.".strip() if default not in (None, False, []) else text


def _kind(schema: Mapping[str, Any]) -> str:
    """A type in a word or two."""
    if names := _references(schema):
        name = f"[{names[0]}](#{names[0].lower()})"
        return f"list of {name}" if schema.get("type") == "array" else name
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(each) for each in schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}" if schema.get("items") else "list"
    return str(schema.get("type", "anything"))


def _references(schema: Any) -> list[str]:
    """The messages that a schema names."""
    if isinstance(schema, dict):
        named = [schema["$ref"].rpartition("/")[2]] if "$ref" in schema else []
        return named + [name for each in schema.values() for name in _references(each)]
    return [name for each in schema for name in _references(each)] if isinstance(schema, list) else []
