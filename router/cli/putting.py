"""Where records may be put back: on a connection, or into a processor."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from router.cli import live_queue
from router.cli.loading import fail, flow_options, load
from router.cli.reaching import is_running

if TYPE_CHECKING:
    from router.cli.flow_data import FlowData

__all__ = ["check_place", "place_option"]

_F = TypeVar("_F", bound=Callable[..., Any])


def place_option(command: _F) -> _F:
    """`--to CONNECTION`, and what a flow file may need to be read for it."""
    text = "Put them on this connection, or into this processor."
    return click.option("--to", metavar="CONNECTION", help=text)(flow_options(command))


def check_place(found: FlowData, place: str | None, **options: Any) -> None:
    """Of a flow that runs or whose file is named, see that it has the place; else its next run says so."""
    from router.errors import nearest  # noqa: PLC0415 - `--help` needs no flow

    if place is None:
        return
    if is_running(found.folder):
        connections = [each for each, *_ in live_queue.waiting(found.folder)]
    elif found.file is not None:
        connections = [each.id for flow in load([found.file], **options) for each in flow.connections]
    else:
        return
    places = [*connections, *dict.fromkeys(each.partition(">")[2] for each in connections)]
    if place not in places:
        fail(
            [f"nothing can be put into {place!r}{nearest(place, places)}; the flow has {', '.join(map(repr, places))}"]
        )
