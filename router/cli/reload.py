"""`router reload`: have a flow that runs follow its file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from router.cli.group import TeachingCommand
from router.cli.reaching import Reach, reach_options, with_flow

if TYPE_CHECKING:
    from router.control.client import FlowClient
    from router.control.differences import DifferenceView

__all__ = ["command"]


@click.command(
    "reload",
    cls=TeachingCommand,
    examples="""
    router diff flows/tweets.yaml new.yaml     what would be changed
    router reload tweets                       load its file anew
    router reload tweets --file new.yaml       go on with another file
    """,
)
@reach_options
@click.option(
    "--file", metavar="FILE", type=click.Path(path_type=Path), help="Load this file, from now on in place of its own."
)
@click.option(
    "--give-back",
    is_flag=True,
    help="Have sources give again what would have to be waited for; some of it comes twice.",
)
@click.option("--drop", is_flag=True, help="Drop records that wait in connections which the flow has no more.")
@click.option("--json", "as_json", is_flag=True, help="Print what was changed as JSON.")
def command(*, file: Path | None, give_back: bool, drop: bool, as_json: bool, **options: Any) -> None:
    """Load a flow that runs anew, and make of it what its file says now.

    What is the same works on and notices nothing; connections keep their records. A bad file,
    or what cannot be done without losing records, leaves all as it was.

    Exit codes: 0 done; 1 refused, and the flow goes on as it was.
    """
    path = file.absolute() if file is not None else None

    async def reloaded(flow: FlowClient) -> tuple[str, DifferenceView]:
        return flow.name, await flow.reload(path, give_back=give_back, drop=drop)

    name, found = with_flow(Reach.taken(options), reloaded)
    import msgspec  # noqa: PLC0415 - `--help` asks nobody

    from router.difference import difference_of  # noqa: PLC0415

    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
        return
    lines = list(difference_of(msgspec.to_builtins(found)).lines())
    for line in lines or ["nothing is different"]:
        click.echo(f"{name}: {line}")
