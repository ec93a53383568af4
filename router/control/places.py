"""Where flows of this user can be reached: a socket in each data folder, and a folder that names those that run."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Found", "announce", "running", "runtime_folder", "socket_path", "withdraw"]

SOCKET = "control.sock"
ELSEWHERE = "control.path"
LONGEST = 100  # bytes; systems take 104 to 108


@dataclass(frozen=True, slots=True)
class Found:
    """A flow that says it runs; whether it does shows when it is asked."""

    flow: str
    data: Path
    process: int


def socket_path(data: Path) -> Path | None:
    """The socket of the flow that runs with a data folder, or did last; None: none is written down there."""
    here = data / SOCKET
    if here.exists():
        return here
    try:
        return Path((data / ELSEWHERE).read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        return None


def place_for(data: Path) -> Path:
    """Where the socket of a flow is to be; written down in the data folder where it cannot be in there.

    Raises:
        OSError: nothing can be written.
    """
    here = data.absolute() / SOCKET
    elsewhere = data / ELSEWHERE
    if len(os.fsencode(here)) <= LONGEST:
        elsewhere.unlink(missing_ok=True)
        return here
    path = runtime_folder() / f"{_mark(data)}.sock"
    elsewhere.write_text(f"{path}\n", encoding="utf-8")
    return path


def announce(flow: str, data: Path) -> None:
    """Write down that a flow runs, for whoever looks for it.

    Raises:
        OSError: nothing can be written.
    """
    said = {"flow": flow, "data": str(data.absolute()), "process": os.getpid()}
    path = runtime_folder() / f"{_mark(data)}.json"
    path.with_suffix(f".{os.getpid()}").write_text(json.dumps(said), encoding="utf-8")
    path.with_suffix(f".{os.getpid()}").replace(path)  # half of it is never read


def withdraw(data: Path) -> None:
    """Take back that a flow runs, and its socket."""
    with suppress(OSError):
        if (path := socket_path(data)) is not None:
            path.unlink(missing_ok=True)
        (data / ELSEWHERE).unlink(missing_ok=True)
        (runtime_folder() / f"{_mark(data)}.json").unlink(missing_ok=True)


def running() -> Iterator[Found]:
    """The flows of this user that say they run, by name."""
    found: dict[str, Found] = {}
    for folder in _folders():
        for path in folder.glob("*.json") if _is_ours(folder) else ():
            with suppress(OSError, ValueError, TypeError, KeyError):
                said = json.loads(path.read_text(encoding="utf-8"))
                each = Found(str(said["flow"]), Path(said["data"]), int(said["process"]))
                if _is_alive(each.process):
                    found[path.stem] = each
                else:  # it was killed before it could take this back
                    path.unlink()
    return iter(sorted(found.values(), key=lambda each: (each.flow, str(each.data))))


def runtime_folder() -> Path:
    """A folder of this user alone, gone with the session or the machine.

    Raises:
        OSError: it cannot be made, or it is somebody else's.
    """
    folder = next(_folders())
    folder.mkdir(mode=0o700, exist_ok=True)
    if not _is_ours(folder):
        raise PermissionError(f"{str(folder)!r} is not a folder of this user alone")
    return folder


def _folders() -> Iterator[Path]:
    """Where the runtime folder may be: a service and a shell of one user need not share their environment."""
    named = os.environ.get("XDG_RUNTIME_DIR", "")
    bases = [Path(named)] if named.startswith("/") else []
    bases.append(Path(f"/run/user/{os.getuid()}"))
    seen = dict.fromkeys(base for base in bases if os.access(base, os.W_OK | os.X_OK))
    yield from (base / "router" for base in seen)
    yield Path(tempfile.gettempdir()) / f"router-{os.getuid()}"


def _is_ours(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        pass
    return True


def _mark(data: Path) -> str:
    return hashlib.blake2b(os.fsencode(data.resolve()), digest_size=8).hexdigest()
