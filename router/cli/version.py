"""`router version`."""

from __future__ import annotations

from importlib.metadata import version

import click

__all__ = ["command"]


@click.command("version")
def command() -> None:
    """Print the version."""
    click.echo(f"router {version('stream-router')}")
