"""`router graph`: a flow as boxes and arrows, in text or as Mermaid."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from router.cli.group import TeachingCommand
from router.cli.loading import flow_options, load

__all__ = ["command"]


@click.command(
    "graph",
    cls=TeachingCommand,
    examples="""
    router graph flows/tweets.yaml
    router graph flows/tweets.yaml --mermaid > tweets.mmd
    """,
)
@click.argument("flow", type=click.Path(path_type=Path))
@flow_options
@click.option("--mermaid", "as_mermaid", is_flag=True, help="Print Mermaid, which GitHub and many editors draw.")
def command(
    *,
    flow: Path,
    parameters: dict[str, str],
    plugins: tuple[Path, ...],
    secrets: Path | None,
    as_mermaid: bool,
) -> None:
    """Draw a flow, as text or as Mermaid.

    Nothing is started. A line without a word is the relationship `success`; a name in brackets stands
    elsewhere in the drawing as a box.
    """
    from router.cli.drawing import boxes, mermaid  # noqa: PLC0415 - `router --help` needs no flow

    (loaded,) = load([flow], parameters, plugins, secrets)
    drawn = mermaid(loaded) if as_mermaid else boxes(loaded)
    if not as_mermaid and "utf" not in (sys.stdout.encoding or "").lower():
        drawn = drawn.translate(str.maketrans("┌┐└┘├┤┬┴─│▼▶", "++++++++-|v>"))
    click.echo(drawn)
