"""`router top`: a flow that runs, on one screen that is drawn anew each second."""

from __future__ import annotations

import asyncio
import sys
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

import click

from router.cli.group import TeachingCommand
from router.cli.reaching import AT_A_LOOK, Reach, ask, flow_reach, reached
from router.cli.run import seconds_option
from router.cli.status import show
from router.cli.terminal import Line, has_colour, is_terminal, painted

if TYPE_CHECKING:
    from router.control.messages import FlowView

__all__ = ["command"]

_HOME, _ERASE_LINE, _ERASE_BELOW, _ERASE_ALL = "\x1b[H", "\x1b[K", "\x1b[J", "\x1b[2J"


@click.command(
    "top",
    cls=TeachingCommand,
    examples="""
    router top                        the only flow that runs
    router top tweets --every 5s
    router top tweets --once --json   for scripts
    """,
)
@flow_reach
@click.option("--every", metavar="TIME", default="1s", show_default=True, callback=seconds_option, help="How often.")
@click.option("--once", is_flag=True, help="Print it once, as where the output is no terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one line each time.")
def command(*, every: float, once: bool, as_json: bool, **options: Any) -> None:
    """Watch a flow that runs, on one screen.

    Until Ctrl-C; a flow that ends is waited for: it may come back.
    """
    is_once = once or (not as_json and not is_terminal(sys.stdout))
    ask(lambda: _watch(Reach.taken(options), max(0.1, every), is_once=is_once, as_json=as_json))


async def _watch(reach: Reach, every: float, *, is_once: bool, as_json: bool) -> None:
    from router.cli.watching import lines  # noqa: PLC0415 - `--help` asks nobody
    from router.errors import UnreachableError  # noqa: PLC0415

    async with reached(reach) as flow:
        view: FlowView | None = None
        while True:
            try:
                view = await flow.look(timeout=AT_A_LOOK)
            except UnreachableError as error:
                if view is None or as_json:
                    raise
                _draw(
                    [
                        *lines(view, get_terminal_size().columns - 1),
                        [],
                        [(f"{error}; waiting until it does again", "yellow")],
                    ]
                )
            else:
                if is_once or as_json:
                    show(view, as_json=as_json)
                else:
                    _draw(list(lines(view, get_terminal_size().columns - 1)))
            if is_once:
                return
            await asyncio.sleep(every)  # noqa: TID251 - a command belongs to no flow


def _draw(lines: list[Line]) -> None:
    size = get_terminal_size()
    if len(lines) > size.lines - 1:
        lines = [*lines[: size.lines - 2], [(f"and {len(lines) - size.lines + 2} lines more", "dim")]]
    shown = [painted(line, colour=has_colour(sys.stdout), width=size.columns - 1) for line in lines]
    sys.stdout.write(_HOME + "".join(f"{line}{_ERASE_LINE}\n" for line in shown) + _ERASE_BELOW)
    sys.stdout.flush()
