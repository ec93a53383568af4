"""Functions of time: seconds since 1970, or times."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any

from router.errors import ConfigError
from router.expression import clock
from router.expression.functions import builtin
from router.expression.functions_text import need_text
from router.expression.values import Unfit, is_number, kind

_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)
_KNOWN = frozenset("aAbBdHIjmMpSfuUVWyYGzZ%")
_LONGEST = 200


def _format(text: str) -> str:
    if len(text) > _LONGEST:
        raise ConfigError(f"a time format has at most {_LONGEST} characters")
    for found in _DIRECTIVE.finditer(text):
        if found[1] not in _KNOWN:
            raise ConfigError(f"no {found[0]!r} in a time format; known are %{' %'.join(sorted(_KNOWN))}")
    return text


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - reads files; most flows stay with UTC

    try:
        return ZoneInfo(name)
    except Exception as error:
        raise ConfigError(f"no time zone {name!r}; names are such as 'UTC' or 'Europe/Berlin'") from error


def _zone_name(name: str) -> str:
    _zone(name)
    return name


@builtin("now() > 0")
def now() -> float:
    """The flow's time in seconds since 1970, one for all records of a batch."""
    return clock.now()


@builtin('format_time(0, "%Y-%m-%d") == "1970-01-01"', prepare={1: _format, 2: _zone_name})
def format_time(time: Any, format: Any = "%Y-%m-%dT%H:%M:%S%z", zone: Any = "UTC") -> str:
    """A time, or seconds since 1970, as text: `%Y` year, `%m` month, `%d` day, `%H` `%M` `%S` `%f` (microseconds) `%z`."""
    need_text(format, zone)
    place = _zone(zone)
    if isinstance(time, datetime):
        moment = (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(place)
    elif is_number(time):
        moment = datetime.fromtimestamp(float(time), place)
    else:
        raise Unfit(f"takes a time or seconds, got {kind(time)}")
    return moment.strftime(_format(format))


def _strptime(text: str, format: str) -> datetime:
    return datetime.strptime(text, _format(format))  # noqa: DTZ007 - the caller adds the zone where the text has none


@builtin('parse_time("1970-01-02T00:00:00Z") == 86400', prepare={1: _format})
def parse_time(text: Any, format: Any = None) -> float:
    """Seconds since 1970 of a text in ISO 8601, or in the format; without a zone it is UTC."""
    need_text(text, "" if format is None else format)
    if len(text) > _LONGEST:
        raise Unfit(f"a time has at most {_LONGEST} characters")
    found = datetime.fromisoformat(text) if format is None else _strptime(text, format)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
