"""Run settings that do not go with a kind of processor, or with each other."""

from __future__ import annotations

import inspect
from typing import Any

from router.authoring import Processor, Source
from router.expression import Expression
from router.flow import RunOptions
from router.loader.document import Path, Problems


def check(kind: type[Processor], run: RunOptions, given: Any, path: Path, problems: Problems) -> None:
    """Note what cannot be; ``given`` are the processor's own run settings, without the flow's defaults."""
    own = given if isinstance(given, dict) else {}
    if issubclass(kind, Source):
        for key in ("concurrency", "execution"):
            if key in own:
                problems.add((*path, "run", key), f"'run.{key}' is for calls, and a source gets none; leave it out")
        return
    if run.concurrency > 1:
        _check_concurrency(kind, run, path, problems)
    if run.execution != "inline":
        _check_execution(kind, run.execution, path, problems)


def _check_concurrency(kind: type[Processor], run: RunOptions, path: Path, problems: Problems) -> None:
    at = (*path, "run", "concurrency")
    if kind.keyed_state and not isinstance(run.ordered, Expression):
        said = (
            f"{kind.type_name!r} keeps state by key; with 'concurrency' above 1 'ordered' must be the key's expression"
        )
        problems.add(at, said)
    elif kind.is_sink and run.ordered is True:
        said = "a sink writes in no order with 'concurrency' above 1; say 'ordered: false', or a key's expression"
        problems.add(at, said)


def _check_execution(kind: type[Processor], execution: str, path: Path, problems: Problems) -> None:
    at = (*path, "run", "execution")
    name = kind.type_name
    if inspect.iscoroutinefunction(kind.process) or inspect.isasyncgenfunction(kind.process):
        problems.add(at, f"{name!r} is async and runs inline; leave 'execution' out")
    elif execution == "thread":
        return
    elif kind.keyed_state or kind.wake is not Processor.wake or not kind.pure_rows:
        said = f"{name!r} needs more than its records, and a worker process has no more; use 'thread' or leave it out"
        problems.add(at, said)
    elif kind.__module__ == "__main__":
        said = f"{name!r} is defined in the program itself; a worker process can load it from a module only"
        problems.add(at, said)
