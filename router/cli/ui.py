"""`router ui`: flows that run, watched and steered in the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from router.cli.group import TeachingCommand
from router.cli.loading import fail
from router.cli.reaching import Reach, ask, flow_reach, over_tcp, reached
from router.cli.terminal import is_terminal

if TYPE_CHECKING:
    from router.cli.apart import Apart

__all__ = ["check_terminal", "command", "watch_apart"]


@click.command(
    "ui",
    cls=TeachingCommand,
    examples="""
    router ui                                the flow that runs, or a list of them
    router ui tweets                         one, by its name, its file or its data folder
    router ui --url https://host:8443        those of another machine
    router run flows/tweets.yaml --ui        run a flow and watch it
    """,
)
@flow_reach
def command(**options: Any) -> None:
    """Watch and steer flows that run, in the terminal.

    The graph with its queues, records, dead letters, the log and more; `?` lists the keys, `q`
    leaves, and the flows go on. A flow that ends is waited for: it may come back.
    """
    check_terminal()
    sys.exit(ask(lambda: _watch(Reach.taken(options))))


def check_terminal() -> None:
    """Refuse to draw where nobody sees it."""
    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout) and is_terminal(sys.stderr)):
        fail(["this is no terminal; for files and pipes there are: router top --once, router status --json"])


def watch_apart(process: Apart, *, flows: int) -> int:
    """Show the flows of a process that ends with the interface; its exit code."""
    code = ask(lambda: _watch_apart(process, opens_only=flows == 1))
    process.print_said()
    if process.code is None:
        click.echo("the flow goes on; see it again with: router ui", err=True)
    return code


async def _watch(reach: Reach) -> int:
    from router_ui.app import RouterApp  # noqa: PLC0415 - `--help` draws nothing
    from router_ui.flows import HereFlows, ThereFlows  # noqa: PLC0415

    if reach.url is not None and reach.flow is None:
        return await RouterApp(flows=ThereFlows(over_tcp(reach), reach.url)).to_the_end()
    if reach.flow is None and reach.data is None:
        return await RouterApp(flows=HereFlows()).to_the_end()
    async with reached(reach) as flow:
        return await RouterApp(flow, flows=HereFlows() if reach.url is None else None).to_the_end()


async def _watch_apart(process: Apart, *, opens_only: bool) -> int:
    from router_ui.app import RouterApp  # noqa: PLC0415 - same
    from router_ui.flows import HereFlows  # noqa: PLC0415

    flows = HereFlows(lambda found: found.process == process.process)
    return await RouterApp(flows=flows, own=process, opens_only=opens_only).to_the_end()
