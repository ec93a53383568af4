"""`router schema`: what a flow file may hold, as JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path

import click

from router.cli.group import TeachingCommand
from router.cli.loading import fail, plugin_option

__all__ = ["command"]


@click.command(
    "schema",
    cls=TeachingCommand,
    examples="""
    router schema > flow.schema.json

    and as the first line of a flow file, for editors that know yaml-language-server:
    # yaml-language-server: $schema=flow.schema.json
    """,
)
@plugin_option
def command(plugins: tuple[Path, ...]) -> None:
    """Print the JSON Schema of flow files, for editors.

    An editor that knows it completes, checks and explains what is written.
    """
    from router.loader import flow_schema  # noqa: PLC0415 - `router --help` needs no loader
    from router.plugins import load_registry  # noqa: PLC0415

    registry = load_registry(plugins)
    if registry.problems:
        fail(registry.problems)
    click.echo(json.dumps(flow_schema(registry), indent=2, ensure_ascii=False))
