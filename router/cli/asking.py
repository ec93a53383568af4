"""Ask before something is gone for good."""

from __future__ import annotations

import sys

import click

from router.cli.loading import fail

__all__ = ["confirm"]


def confirm(question: str) -> None:
    """Ask on the terminal, and end the command unless the answer is yes; where nobody can answer, exit with 2."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        fail(["nobody is there to be asked; say --yes to do it"])
    click.confirm(question, abort=True, err=True)
