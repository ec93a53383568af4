"""`router diff`: what makes one flow of another, as a reload would do it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from router.cli.group import TeachingCommand
from router.cli.loading import flow_options, load

__all__ = ["command"]


@click.command(
    "diff",
    cls=TeachingCommand,
    examples="""
    router diff flows/tweets.yaml new.yaml
    router diff old.yaml new.yaml --set rate=5 --json
    """,
)
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@flow_options
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(
    *, old: Path, new: Path, parameters: dict[str, str], plugins: tuple[Path, ...], secrets: Path | None, as_json: bool
) -> None:
    """Say what a reload would change.

    Which processors are begun anew, which only rewired, which connections go and which get other limits.

    What is not named is the same in both. Secrets are hidden.

    Exit codes: 0 they are the same; 1 they are different; 2 one of them is bad.
    """
    from router.difference import compare  # noqa: PLC0415 - `--help` loads no flow

    flows = load([old, new], parameters, plugins, secrets)
    found = compare(*flows)
    if as_json:
        click.echo(json.dumps(found.to_dict(), ensure_ascii=False))
    else:
        for line in found.lines():
            click.echo(line)
    sys.exit(1 if found else 0)
