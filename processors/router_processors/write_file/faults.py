"""Whose fault it is that a file cannot be written: its path's, so its records', or the world's."""

from __future__ import annotations

import errno
from collections.abc import Callable

from router import (
    Batch,
    BrokenOutputError,
    ConfigError,
    EncodeError,
    Failures,
    PathTemplate,
    RecordError,
    RetryableError,
)

# What is wrong with a path itself; any other error is one that an operator can mend.
_PATH_FAULTS = {errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL}


class Faults:
    """Tells what an error of the operating system means for records whose paths a template makes."""

    def __init__(self, template: PathTemplate) -> None:
        self._template = template

    def tried(self, path: str, batch: Batch, work: Callable[[], Failures | None]) -> Failures:
        """Do it; what is the path's own fault fails all of its records.

        Raises:
            RetryableError: the world is in the way.
            BrokenOutputError: whoever read what is written has gone.
        """
        try:
            return work() or []
        except OSError as error:
            if not self.is_of_path(error):
                if error.errno == errno.EPIPE:
                    raise BrokenOutputError(f"whoever read {path!r} has gone") from error
                raise self.retryable(error, path) from error
            problem = EncodeError(sentence(path, error))
        except (ConfigError, RecordError) as error:
            problem = EncodeError(f"file {path!r}: {error}")
        return [(index, problem) for index in range(len(batch))]

    def is_of_path(self, error: OSError) -> bool:
        """Whether trying again would be in vain; where there is one path only, an operator mends it."""
        return is_of_path(error) and not self._template.literal

    def retryable(self, error: OSError, path: str = "") -> RetryableError:
        """The world's fault, as the engine wants to hear it."""
        return RetryableError(sentence(path or error.filename or str(self._template), error))


def is_of_path(error: OSError) -> bool:
    """Whether the path itself can never be a file."""
    return error.errno in _PATH_FAULTS


def sentence(path: str, error: OSError) -> str:
    """What is told of an error."""
    return f"file {path!r} cannot be written: {error.strerror or error}"
