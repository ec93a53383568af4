"""The exceptions a caller may handle, and what the engine does when it sees one.

::

    RouterError
    ├── ConfigError (ValueError)       a value that cannot be used: in a flow, a setting, an expression
    │   └── FlowError                  all problems of one flow file, each with its place
    ├── PluginError                    a plugin that cannot be imported or registers nonsense
    ├── RecordError (ValueError)       this record's fault: to `failure`, its neighbours go on
    │   ├── DecodeError                content that is not what its format says
    │   └── EncodeError                a record its format cannot say
    ├── RetryableError                 the world's fault: the call is tried again, without limit
    ├── ProcessorError                 a processor broke its contract, or cannot start
    │   └── BrokenOutputError          whoever read what a sink writes has gone: the flow stops
    ├── ConnectionClosedError          put to, or take from, a connection after its flow ended
    ├── DataFolderError                the data folder belongs to another flow or another process, or is damaged
    ├── StorageError                   what was to be kept in the data folder could not be
    ├── ReloadError                    a running flow could not be changed: it goes on as it was
    └── ControlError                   a running flow refused what its control API was asked for
        └── UnreachableError           no flow answers there
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = [
    "BrokenOutputError",
    "ConfigError",
    "ConnectionClosedError",
    "ControlError",
    "DataFolderError",
    "DecodeError",
    "EncodeError",
    "FlowError",
    "PluginError",
    "Problem",
    "ProcessorError",
    "RecordError",
    "ReloadError",
    "RetryableError",
    "RouterError",
    "StorageError",
    "UnreachableError",
    "nearest",
]


class RouterError(Exception):
    """Base of every error router raises on purpose."""


class ConfigError(RouterError, ValueError):
    """A value that cannot be used; nothing has been started."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a flow, and where.

    ``line`` and ``column`` count from 1; 0 where the flow did not come from a file.
    """

    text: str
    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        place = self.file + (f":{self.line}:{self.column}" if self.line else "")
        return f"{place}: {self.text}" if place else self.text


class FlowError(ConfigError):
    """Everything that is wrong with a flow, found in one go: ``problems``."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class PluginError(RouterError):
    """A plugin that cannot be used; the others live."""


class RecordError(RouterError, ValueError):
    """One record's fault: it leaves by ``failure`` with this error, nothing is tried again.

    ``head_of`` says that not all of it leaves, only its first bytes: of how many, or 0 where that is
    not known. Such a record is no dead letter that is tried again unless somebody asks for just that.
    """

    def __init__(self, *args: object, head_of: int | None = None) -> None:
        super().__init__(*args)
        self.head_of = head_of


class DecodeError(RecordError):
    """Content that is not what its format says."""


class EncodeError(RecordError):
    """A record that its format cannot say, such as a NaN in JSON."""


class RetryableError(RouterError):
    """The world's fault: an outage, a full disk, a limit somebody else set.

    Raised from ``process``, ``wake`` or ``start`` the engine waits (1 s growing to
    5 minutes, with jitter) and calls again, without limit unless ``run.retry`` says so.
    ``after`` is how many seconds to wait this time, where the other side said.
    """

    def __init__(self, message: str, *, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class ProcessorError(RouterError):
    """A processor broke its contract or could not start; the flow stops and names it."""


class BrokenOutputError(ProcessorError):
    """Whoever read what a sink writes has gone for good, as ``| head`` does.

    Raised from ``process`` it fails the flow: trying again would be in vain, and no record is at fault.
    """


class ConnectionClosedError(RouterError):
    """Put to, or take from, a connection after its flow ended."""


class DataFolderError(RouterError):
    """The data folder belongs to another flow, another process owns it now, or it cannot be read."""


class StorageError(RouterError):
    """What was to be kept in the data folder could not be; whoever gave it is told to give it again."""


class ReloadError(RouterError):
    """A running flow could not be changed; it goes on as it was, and the text says what is in the way."""


class ControlError(RouterError):
    """A running flow refused what its control API was asked for; ``status`` is that of the answer in HTTP."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class UnreachableError(ControlError):
    """No flow answers there: none runs, or the way to it is broken."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status=503)


def nearest(word: str, words: Iterable[str]) -> str:
    """Name the closest of ``words`` as `` (did you mean 'x'?)``, or nothing where none is close."""
    close = difflib.get_close_matches(word, list(words), n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
