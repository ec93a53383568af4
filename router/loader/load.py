"""Load flows: from a file, or from a mapping that says the same."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from router.flow import Flow
from router.loader.build import build
from router.loader.mapping import take
from router.loader.reading import read_text
from router.loader.yaml import parse
from router.plugins import Registry


def load_flow(
    path: str | os.PathLike[str],
    parameters: Mapping[str, object] | None = None,
    plugins: Sequence[str | os.PathLike[str]] = (),
    *,
    environment: Mapping[str, str] | None = None,
    secrets: str | os.PathLike[str] | None = None,
    registry: Registry | None = None,
) -> Flow:
    """Read a flow file and check all of it; nothing is started, nothing outside is touched but plugins imported.

    Installed plugins are known, those the flow names, ``plugins``, and a folder ``plugins/`` beside
    the flow. One that is broken is in ``flow.registry.problems``; a flow that does not need it loads.

    Args:
        parameters: Values for the flow's ``parameters``. A text is read as YAML where the default
            is no text; as a whole path setting it starts at the working directory.
        environment: Where ``${NAME}`` and ``${secret:NAME}`` are looked up; None: that of the process.
        secrets: A folder with one file for each secret.
        registry: What is known instead of the installed plugins and the folder beside the flow;
            plugin files are added to it.

    Raises:
        FlowError: every problem of the flow, each with its line and column.

    Example:
        >>> load_flow("missing.yaml")
        Traceback (most recent call last):
        router.errors.FlowError: missing.yaml: no such file
    """
    file = Path(path)
    _, problems = parse(read_text(file), os.fspath(path))
    return build(
        problems,
        parameters=parameters or {},
        plugins=[Path(each) for each in plugins],
        environment=os.environ if environment is None else environment,
        secrets=Path(secrets) if secrets is not None else None,
        registry=registry,
        file=file,
    )


def build_flow(
    mapping: Mapping[str, Any],
    parameters: Mapping[str, object] | None = None,
    plugins: Sequence[str | os.PathLike[str]] = (),
    *,
    environment: Mapping[str, str] | None = None,
    secrets: str | os.PathLike[str] | None = None,
    registry: Registry | None = None,
) -> Flow:
    """Make a flow of a mapping with what a flow file would hold; otherwise as ``load_flow``.

    Relative paths start at the working directory, and there is no folder of plugins beside it.

    Raises:
        FlowError: every problem of the flow.

    Example:
        >>> flow = build_flow({"flow": "demo", "processors": {
        ...     "make": {"type": "generate", "count": 1, "record": {"n": "meta.number"}, "to": "drop"}}})
        >>> flow.name
        'demo'
    """
    _, problems = take(mapping)
    return build(
        problems,
        parameters=parameters or {},
        plugins=[Path(each) for each in plugins],
        environment=os.environ if environment is None else environment,
        secrets=Path(secrets) if secrets is not None else None,
        registry=registry,
        file=None,
    )
