"""`router processors`: what processors there are, or all about one."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from router.cli.group import TeachingCommand
from router.cli.loading import fail, plugin_option
from router.cli.terminal import has_colour, painted

__all__ = ["command"]


@click.command(
    "processors",
    cls=TeachingCommand,
    examples="""
    router processors                             all of them, a line each
    router processors route                       settings, relationships, guarantees, an example
    router processors shout --plugin shout.py     of a plugin file
    router processors --json                      for programs
    router processors --markdown > processors.md  a page of all of them
    """,
)
@click.argument("name", required=False)
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print Markdown.")
def command(*, name: str | None, plugins: tuple[Path, ...], as_json: bool, as_markdown: bool) -> None:
    """Show the processors there are, or all about one."""
    from router.cli.reference import reference  # noqa: PLC0415 - `router --help` needs none of this
    from router.cli.reference_pages import listing, markdown, page  # noqa: PLC0415
    from router.errors import nearest  # noqa: PLC0415
    from router.plugins import load_registry  # noqa: PLC0415

    registry = load_registry(plugins)
    kinds = dict(sorted(registry.processors.items()))
    if name is not None and name not in kinds:
        hint = nearest(name, kinds) or ("" if plugins else "; one of a plugin file needs --plugin FILE")
        fail([*registry.problems, f"no processor type {name!r}{hint}"])
    for problem in registry.problems:
        click.echo(problem, err=True)
    found = [reference(kinds[name])] if name is not None else [reference(kind) for kind in kinds.values()]
    if as_json:
        data = [each.to_dict() for each in found]
        click.echo(json.dumps(data if name is None else data[0], indent=2, ensure_ascii=False))
    elif as_markdown:
        click.echo(markdown(found))
    else:
        for line in listing(found) if name is None else page(found[0]):
            click.echo(painted(line, colour=has_colour(sys.stdout)))
