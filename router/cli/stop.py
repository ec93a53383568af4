"""`router stop`: stop a flow that runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from router.cli.group import TeachingCommand
from router.cli.reaching import Reach, reach_options, with_flow
from router.cli.run import seconds_option

if TYPE_CHECKING:
    from router.control.client import FlowClient
    from router.control.messages import ReportView

__all__ = ["command"]


@click.command(
    "stop",
    cls=TeachingCommand,
    examples="""
    router stop tweets
    router stop tweets --drain 2m      wait that long for records under way
    router stop tweets --no-wait
    """,
)
@reach_options
@click.option(
    "--drain", metavar="TIME", callback=seconds_option, help="How long to wait for records under way, such as 5s."
)
@click.option("--wait/--no-wait", default=True, help="Whether to wait for its end.", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print how it has ended as JSON.")
def command(*, drain: float | None, wait: bool, as_json: bool, **options: Any) -> None:
    """Stop a flow that runs: its sources first, then what is under way arrives.

    Exit codes: 0 all records are safe; 1 some were given back to their sources, or the flow has failed.
    """
    name, report = with_flow(Reach.taken(options), lambda flow: _stopped(flow, drain, wait=wait))
    if as_json:
        import msgspec  # noqa: PLC0415 - `--help` asks nobody

        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    else:
        click.echo(f"{name}: {report.outcome.replace('_', ' ')}{f': {report.error}' if report.error else ''}", err=True)
    sys.exit(1 if report.outcome in ("failed", "cut_off") else 0)


async def _stopped(flow: FlowClient, drain: float | None, *, wait: bool) -> tuple[str, ReportView]:
    return flow.name, await flow.stop(drain, wait=wait)
