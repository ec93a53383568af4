"""Ask before something is gone for good."""

from __future__ import annotations

import sys

import click

from router.cli.loading import fail

__all__ = ["confirm"]

INTERRUPTED, REFUSED = 130, 1


def confirm(question: str) -> None:
    """Ask on the terminal, and end the command unless the answer is yes; where nobody can answer, exit with 2, at Ctrl-C with 130."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        fail(["nobody is there to be asked; say --yes to do it"])
    try:
        is_wanted = click.confirm(question, err=True)
    except click.Abort as error:
        click.echo("\nAborted!", err=True)  # behind what the terminal shows of the key
        sys.exit(INTERRUPTED if isinstance(error.__context__, KeyboardInterrupt) else REFUSED)
    if not is_wanted:
        raise click.Abort
