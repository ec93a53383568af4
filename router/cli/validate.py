"""`router validate`: everything that is wrong with flows, or what they promise."""

from __future__ import annotations

from pathlib import Path

import click

from router.cli.group import TeachingCommand
from router.cli.loading import flow_options, load

__all__ = ["command"]


@click.command(
    "validate",
    cls=TeachingCommand,
    examples="""
    router validate flows/tweets.yaml
    router validate flows/*.yaml --secrets /run/secrets

    Exit codes: 0 nothing is wrong; 2 something is, each problem with its line and column.
    """,
)
@click.argument("flows", nargs=-1, required=True, metavar="FLOW...", type=click.Path(path_type=Path))
@flow_options
def command(
    *, flows: tuple[Path, ...], parameters: dict[str, str], plugins: tuple[Path, ...], secrets: Path | None
) -> None:
    """Say everything that is wrong with flows; start nothing.

    Only files of the flow are read: the flow itself, its plugins, its secrets. A flow with
    nothing wrong is summed up: how large it is, and what becomes of its records.
    """
    from router.cli.promises import promises  # noqa: PLC0415 - `router validate --help` needs no flow

    for path, flow in zip(flows, load(flows, parameters, plugins, secrets), strict=True):
        click.echo(f"{path}: nothing is wrong with flow {flow.name!r}")
        for line in promises(flow):
            click.echo(f"  {line}")
