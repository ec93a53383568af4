"""`router status`: flows that run, as they are now."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import click

from router.cli.group import TeachingCommand
from router.cli.reaching import AT_A_LOOK, Reach, all_reached, ask, flow_reach

if TYPE_CHECKING:
    from router.control.messages import FlowView

__all__ = ["command"]


@click.command(
    "status",
    cls=TeachingCommand,
    examples="""
    router status                                    all flows that run
    router status tweets                             one, by its name, its file or its data folder
    router status --url https://host:8443 --json     those of another machine, for scripts
    """,
)
@flow_reach
@click.option("--json", "as_json", is_flag=True, help="Print each flow as JSON, one line each.")
def command(*, as_json: bool, **options: Any) -> None:
    """Show flows that run: the state, queues and rates of each part.

    Exit codes: 0 it runs; 1 it does not, or none does.
    """
    views, silent = ask(lambda: _looked(Reach.taken(options)))
    for view in views:
        show(view, as_json=as_json)
    for name, error in silent:
        click.echo(f"{name}: {error}", err=True)
    if not views:
        if not silent:
            click.echo("no flow runs", err=True)
        sys.exit(1)


async def _looked(reach: Reach) -> tuple[list[FlowView], list[tuple[str, str]]]:
    """The flows that answer, all asked at once, and why the others do not, but for those that have ended meanwhile."""
    from router.errors import UnreachableError  # noqa: PLC0415 - `--help` asks nobody

    is_one = reach.flow is not None or reach.url is not None or reach.data is not None
    views, silent = [], []
    async with all_reached(reach) as flows:
        found = await asyncio.gather(*(flow.look(timeout=AT_A_LOOK) for flow in flows), return_exceptions=True)
    for flow, each in zip(flows, found, strict=True):
        if not isinstance(each, BaseException):
            views.append(each)
        elif is_one or not isinstance(each, UnreachableError):
            raise each
        elif isinstance(each.__cause__, TimeoutError):
            silent.append((flow.name, str(each)))
    return views, silent


def show(view: FlowView, *, as_json: bool) -> None:
    """Print a flow once."""
    import msgspec  # noqa: PLC0415 - same

    from router.cli.terminal import has_colour, painted  # noqa: PLC0415
    from router.cli.watching import lines  # noqa: PLC0415

    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(view) + b"\n")
        sys.stdout.buffer.flush()
        return
    for line in lines(view):
        click.echo(painted(line, colour=has_colour(sys.stdout)))
