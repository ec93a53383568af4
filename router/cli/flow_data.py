"""Which data folder a command means: by the name of a flow, its file, or the folder itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from router.cli.data_folder import default_folder, owner_of
from router.cli.loading import fail
from router.errors import nearest

__all__ = ["FlowData", "find_data", "flow_argument"]

_F = TypeVar("_F", bound=Callable[..., Any])
_FLOW_FILES = (".yaml", ".yml")
_DATABASE = "flow.db"


@dataclass(frozen=True, slots=True)
class FlowData:
    """A flow and where its data are."""

    name: str
    folder: Path
    file: Path | None = None
    """The flow file, where that was named."""
    words: str = ""
    """What to write behind a command to mean the same."""


def flow_argument(command: _F) -> _F:
    """`FLOW` and `--data DIR`."""
    data = click.option(
        "--data",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="The data folder of the flow, where it has not the usual one.",
    )
    return click.argument("flow", metavar="FLOW")(data(command))


def find_data(flow: str, data: Path | None) -> FlowData:
    """Find the data of a flow; where there are none, say so and exit with 2."""
    path = Path(flow)
    if data is None and _is_data(path):
        return FlowData(owner_of(path) or path.resolve().name, path, words=flow)
    if data is None and "/" in flow and path.suffix not in _FLOW_FILES and not path.is_file():
        fail([f"{flow!r} is no data folder of a flow"] if path.is_dir() else [f"{flow}: no such file or folder"])
    file = path if path.suffix in _FLOW_FILES or path.is_file() else None
    name = flow if file is None else _name_in(file)
    words = flow if data is None else f"{flow} --data {data}"
    if data is None:
        return FlowData(name, _existing(name, default_folder(name)), file, words)
    inner = data / name  # of a run of several flows
    return FlowData(name, _belonging(name, inner if inner.is_dir() else data), file, words)


def _is_data(folder: Path) -> bool:
    return owner_of(folder) is not None or (folder / _DATABASE).exists()


def _existing(name: str, folder: Path) -> Path:
    if not folder.is_dir():
        known = [each.name for each in folder.parent.iterdir()] if folder.parent.is_dir() else []
        where = f"there is no folder {str(folder)!r}{nearest(name, known)}"
        fail([f"flow {name!r} has no data: {where}; name a flow, its file, or its data folder"])
    return folder


def _belonging(name: str, folder: Path) -> Path:
    owner = owner_of(folder)
    if not _is_data(folder):
        fail([f"{str(folder)!r} is no data folder of a flow"])
    if owner not in (None, name):
        fail([f"data folder {str(folder)!r} belongs to flow {owner!r}, not to {name!r}"])
    return folder


def _name_in(file: Path) -> str:
    from router.errors import FlowError  # noqa: PLC0415 - a name or a folder needs no loader
    from router.loader.reading import read_text  # noqa: PLC0415
    from router.loader.yaml import parse  # noqa: PLC0415

    try:
        data = parse(read_text(file), str(file))[0].data
    except FlowError as error:
        fail(error.problems)
    name = data.get("flow") if isinstance(data, dict) else None
    if not isinstance(name, str):
        fail([f"{file}: this names no flow; a flow file has 'flow: NAME'"])
    return name
