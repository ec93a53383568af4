"""Commands that are imported when they are called, help that ends with examples, and the nearest word."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from inspect import cleandoc
from typing import Any

import click

from router.errors import nearest

__all__ = ["Commands", "TeachingCommand", "TeachingGroup", "abandon", "hold_standard_files"]

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}  # what a write is answered with, where no file is named


class Commands(MutableMapping[str, click.Command]):
    """The commands of a group, each in the module of its name as ``command``, imported when it is asked for."""

    def __init__(self, package: str, names: Mapping[str, str]) -> None:
        self._package = package
        self._names = dict.fromkeys(names)
        self._made: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._made and name in self._names:
            self._made[name] = import_module(f"{self._package}.{name.replace('-', '_')}").command
        return self._made[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._names[name] = None
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._names[name]
        self._made.pop(name, None)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class TeachingCommand(click.Command):
    """A command whose help ends with examples."""

    def __init__(self, *args: Any, examples: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they stand."""
        write_examples(self.examples, formatter)
        super().format_epilog(ctx, formatter)


class TeachingGroup(click.Group):
    """A group in the order of use; its own help imports none of its commands."""

    def __init__(self, *args: Any, examples: str = "", short_helps: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples
        self.short_helps = short_helps

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, the most used first."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, one line each."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.short_helps[name]) for name in self.commands])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they stand."""
        write_examples(self.examples, formatter)
        super().format_epilog(ctx, formatter)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name the nearest."""
        word = args[0]
        if word not in self.commands and not word.startswith("-"):
            if "run" in self.commands and word.endswith((".yaml", ".yml")):
                ctx.fail(f"no command {word!r}; a flow is run by: router run {word}")
            ctx.fail(f"no command {word!r}{nearest(word, self.commands) or '; one of: ' + ', '.join(self.commands)}")
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program; what it printed and nobody can take, as on a full disk, ends it with words and with 1."""
        try:
            try:
                return super().main(*args, **kwargs)
            finally:
                if sys.stdout is not None:
                    sys.stdout.flush()
        except OSError as error:
            if error.errno not in _NO_ROOM or error.filename is not None:
                raise
            abandon(sys.stdout)
            click.echo(f"stdout cannot be written: {(error.strerror or str(error)).lower()}", err=True)
            sys.exit(1)

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command; a reader of its output that has gone away (``| head``) is no error."""
        try:
            result = super().invoke(ctx)
            if sys.stdout is not None:
                sys.stdout.flush()
        except BrokenPipeError:
            abandon(sys.stdout)
            ctx.exit(0)
        return result


def abandon(stream: Any) -> None:
    """Let what is still to be written to a closed pipe go nowhere, or Python complains of it when it exits."""
    try:
        number = stream.fileno()
    except (OSError, ValueError, AttributeError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def hold_standard_files() -> None:
    """Open what of stdin, stdout and stderr is closed: else the next file opened takes its number, and its output."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - it stays open, as any stdout does


def write_examples(examples: str, formatter: click.HelpFormatter) -> None:
    """Write examples under their heading, lines unbroken."""
    if not examples:
        return
    with formatter.section("Examples"):
        indent = " " * formatter.current_indent
        formatter.write("".join(f"{indent}{line}".rstrip() + "\n" for line in cleandoc(examples).splitlines()))
