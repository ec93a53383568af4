"""`router processor`: look at a processor of a flow that runs, stop it, start it, change it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from router.cli.group import TeachingCommand
from router.cli.reaching import Reach, reach_options, with_flow

if TYPE_CHECKING:
    from router.control.client import FlowClient
    from router.control.messages import ProcessorDetails

__all__ = ["command"]

_ACTIONS = ("show", "stop", "start", "run-once", "set")


@click.command(
    "processor",
    cls=TeachingCommand,
    examples="""
    router processor tweets score                      all about it
    router processor tweets score stop                 its queue fills, and what feeds it waits
    router processor tweets score run-once
    router processor tweets score start
    router processor tweets score set concurrency=4
    """,
)
@reach_options
@click.argument("name")
@click.argument("action", type=click.Choice(_ACTIONS), default="show", metavar="[stop|start|run-once|set]")
@click.argument("settings", nargs=-1, metavar="[concurrency=N]")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(*, name: str, action: str, settings: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Look at a processor of a flow that runs, stop it, start it, widen it.

    Its concurrency is how many of its calls may overlap. What was changed holds until the flow ends.
    """
    concurrency = _concurrency(action, settings)
    view = with_flow(Reach.taken(options), lambda flow: _done(flow, name, action, concurrency))
    if as_json:
        import msgspec  # noqa: PLC0415 - `--help` asks nobody

        sys.stdout.buffer.write(msgspec.json.encode(view) + b"\n")
    elif action == "show":
        _show(view)
    else:
        click.echo(f"{view.name}: {_said(view, action)}", err=True)


def _concurrency(action: str, settings: tuple[str, ...]) -> int:
    if action != "set":
        if settings:
            raise click.UsageError(f"{action!r} takes nothing behind it, got {settings[0]!r}")
        return 0
    name, _, value = settings[0].partition("=") if len(settings) == 1 else ("", "", "")
    if name != "concurrency" or not value.isascii() or not value.isdecimal() or int(value) < 1:
        raise click.UsageError(f"'set' takes concurrency=N, N at least 1, got {' '.join(settings) or 'nothing'!r}")
    return int(value)


def _said(view: ProcessorDetails, action: str) -> str:
    if action == "set":
        return f"concurrency {view.concurrency}"
    if view.is_stopped and action == "stop":
        return "stopped" if view.state == "stopped" else f"stopping; it is still {view.state}"
    return "makes one call" if action == "run-once" else view.state


async def _done(flow: FlowClient, name: str, action: str, concurrency: int) -> ProcessorDetails:
    if action == "set":
        return await flow.set_concurrency(name, concurrency)
    work = {
        "show": flow.processor,
        "stop": flow.stop_processor,
        "start": flow.start_processor,
        "run-once": flow.run_once,
    }
    return await work[action](name)


def _show(view: ProcessorDetails) -> None:
    from router.cli.terminal import has_colour, painted  # noqa: PLC0415 - same
    from router.cli.watching import details  # noqa: PLC0415

    for line in details(view):
        click.echo(painted(line, colour=has_colour(sys.stdout)))
