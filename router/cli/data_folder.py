"""The data folder of a flow: made, marked with the flow's name, owned by one process at a time."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from router.errors import DataFolderError

__all__ = ["DataFolder", "default_folder", "owner_of"]

OWNER = "owner.json"


def default_folder(flow: str) -> Path:
    """Where a flow keeps its data unless told otherwise."""
    state = os.environ.get("XDG_STATE_HOME", "")
    # A relative path there is to be ignored, says the XDG base directory specification.
    base = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    return base / "router" / flow


def owner_of(path: Path) -> str | None:
    """The flow whose data folder this is; None: nobody's."""
    try:
        lock = os.open(path / OWNER, os.O_RDONLY)
    except OSError:
        return None
    try:
        found = _read(lock).get("flow")
    finally:
        os.close(lock)
    return found if isinstance(found, str) else None


class DataFolder:
    """One flow's data folder, locked from its making until it is closed or the process ends.

    Args:
        path: made if missing, with all above it.
        flow: whose it is; a folder that was another flow's is refused.

    Raises:
        DataFolderError: it belongs to another flow, another process has it, or it cannot be made.
    """

    def __init__(self, path: Path, flow: str) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(path / OWNER, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise _unusable(path, error) from error
        try:
            self._claim(flow)
        except BaseException as error:
            os.close(self._lock)
            if isinstance(error, OSError):
                raise _unusable(path, error) from error
            raise

    def _claim(self, flow: str) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            process = _read(self._lock).get("process")
            raise DataFolderError(
                f"data folder {str(self.path)!r} is in use by process {process}; "
                "stop that one, or name another folder with --data"
            ) from error
        owner = _read(self._lock).get("flow", flow)
        if owner != flow:
            raise DataFolderError(
                f"data folder {str(self.path)!r} belongs to flow {owner!r}, not to {flow!r}; "
                "name another one with --data"
            )
        content = json.dumps({"flow": flow, "process": os.getpid()}) + "\n"
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, content.encode(), 0)

    def close(self) -> None:
        """Give it up: another process may have it."""
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _read(lock: int) -> dict[str, Any]:
    try:
        found = json.loads(os.pread(lock, 4096, 0) or b"{}")
    except ValueError:
        return {}  # the process that wrote it was killed half way: nobody's name stands there
    return found if isinstance(found, dict) else {}


def _unusable(path: Path, error: OSError) -> DataFolderError:
    reason = (error.strerror or str(error)).lower()
    return DataFolderError(f"data folder {str(path)!r}: {reason}; name another one with --data")
