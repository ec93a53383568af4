"""The page of the command line, from its own `--help`."""

from __future__ import annotations

from collections.abc import Iterator

import click
from click.testing import CliRunner

from docs.generators import markdown
from router.cli import main


def page() -> str:
    """The help of `router` and of each of its commands."""
    parts = ["# The command line\n", "What `--help` prints, command by command.\n"]
    for path in _commands(main, ("router",)):
        shown = CliRunner().invoke(main, [*path[1:], "--help"], prog_name="router", color=False, terminal_width=100)
        parts += [f"## `{' '.join(path)}`\n", markdown.fence(shown.output.rstrip(), "text") + "\n"]
    return "\n".join(parts)


def _commands(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None and not inner.hidden:
                yield from _commands(inner, (*path, name))
