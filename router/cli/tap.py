"""`router tap`: records as they come into a connection of a flow that runs."""

from __future__ import annotations

import sys
from typing import Any

import click

from router.cli.filters import where_option
from router.cli.group import TeachingCommand
from router.cli.reaching import Reach, reach_options, with_flow

__all__ = ["command"]


@click.command(
    "tap",
    cls=TeachingCommand,
    examples="""
    router tap tweets 'score.success>route'
    router tap tweets 'score.success>route' --where 'sentiment < -0.9' | jq .text
    router tap tweets 'score.success>route' --limit 1 --json
    """,
)
@reach_options
@click.argument("connection")
@where_option("Those for which this is true.")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="End after so many.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print all about each: its columns, attributes, format and size, too."
)
def command(*, connection: str, where: Any, limit: int | None, as_json: bool, **options: Any) -> None:
    """Print records as they come into a connection, as JSON lines.

    Until Ctrl-C, or the flow ends. The flow never waits for who looks on: of many records the newest are printed, and on stderr
    how many were left out.
    """
    source = where.source if where is not None else None
    with_flow(Reach.taken(options), lambda flow: _print(flow, connection, source, limit, whole=as_json))


async def _print(flow: Any, connection: str, where: str | None, limit: int | None, *, whole: bool) -> None:
    import msgspec  # noqa: PLC0415 - `--help` asks nobody

    from router.control.messages import RecordView  # noqa: PLC0415

    await flow.connection(connection)  # a name that is not there is an error, and not waited for
    count = 0
    async for each in flow.tap(connection, where=where):
        if not isinstance(each, RecordView):
            click.echo(f"({each.records:,} records left out)", err=True)
            continue
        shown = each if whole else each.record if each.record is not None else each.content or each.content_base64
        sys.stdout.buffer.write(msgspec.json.encode(shown) + b"\n")
        sys.stdout.buffer.flush()
        count += 1
        if count == limit:
            return
