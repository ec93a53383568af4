"""`router validate`: everything that is wrong with flows, or what they promise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from router.cli.group import TeachingCommand
from router.cli.loading import flow_options, load

if TYPE_CHECKING:
    from router.flow import Flow

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
    for path, flow in zip(flows, load(flows, parameters, plugins, secrets), strict=True):
        click.echo(f"{path}: nothing is wrong with flow {flow.name!r}")
        for line in said(flow):
            click.echo(f"  {line}")


def said(flow: Flow) -> Iterator[str]:
    """What there is to know before it is run."""
    from router.cli.figures import plural  # noqa: PLC0415 - `router --help` needs no flow

    parts = [plural(len(flow.processors), "processor"), plural(len(flow.connections), "connection")]
    yield f"{', '.join(parts)}; what waits, waits in memory"
    yield "at-least-once: a source hears that a record is safe only when it is"
    yield "a crash loses what waits; a source that keeps a position gives it again"
    setting_aside = [
        name
        for name, spec in flow.processors.items()
        if any(each.name == "failure" for each in spec.relationships) and not spec.routes.get("failure")
    ]
    if setting_aside:
        yield f"dead letters: what fails in {', '.join(setting_aside)}"
