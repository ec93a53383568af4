"""Options that choose among records: by expression, by time, by number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click

__all__ = ["limit_option", "since_option", "where_option"]

_F = TypeVar("_F", bound=Callable[..., Any])


def where_option(text: str) -> Callable[[_F], _F]:
    """`--where EXPRESSION`."""
    return click.option("--where", metavar="EXPRESSION", callback=_expression, help=text)


def since_option(text: str) -> Callable[[_F], _F]:
    """`--since TIME`."""
    return click.option("--since", metavar="TIME", callback=_since, help=text)


def limit_option(command: _F) -> _F:
    """`--limit N`."""
    return click.option("--limit", metavar="N", type=click.IntRange(min=0), help="At most so many, the oldest first.")(
        command
    )


def _expression(context: click.Context, parameter: click.Parameter, value: str | None) -> object:
    from router.expression import Expression, ExpressionError  # noqa: PLC0415 - `--help` needs no expressions

    try:
        return None if value is None else Expression(value)
    except ExpressionError as error:
        raise click.BadParameter(str(error), ctx=context, param=parameter) from error


def _since(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Seconds since 1970: a duration counts back from now, a time without a zone is meant here."""
    from router.config import parse_duration  # noqa: PLC0415 - `--help` needs no settings

    if value is None:
        return None
    try:
        return datetime.now().astimezone().timestamp() - parse_duration(value).total_seconds()
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(value).timestamp()
    except ValueError as error:
        text = f"a time is such as 2026-01-31 or 2026-01-31T12:00, or so long ago such as 90s, 2h or 7d; got {value!r}"
        raise click.BadParameter(text, ctx=context, param=parameter) from error
