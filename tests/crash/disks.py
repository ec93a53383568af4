"""Disks that are full, fail, are slow, or may not be written."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

__all__ = ["UNPRIVILEGED", "faults", "small_disk"]

UNPRIVILEGED = (
    ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]
    if os.geteuid() == 0
    else []
)
"""Begins a command that must keep to the rights of files, also where root runs it."""


class SmallDisk:
    """A file system of few bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        """Leave no room."""
        with (self.folder / "filling").open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    def make_room(self) -> None:
        subprocess.run(["mount", "-o", "remount,size=256m", str(self.folder)], check=True)


@contextmanager
def small_disk(folder: Path, size: str = "2m") -> Iterator[SmallDisk]:
    """Mount one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this user cannot mount a small file system")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def faults(*injected: str) -> list[str]:
    """Begin a command whose system calls fail, such as ``fdatasync:error=EIO:when=5+3``."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    calls = ",".join(each.partition(":")[0] for each in injected)
    inject = [word for each in injected for word in ("-e", f"inject={each}")]
    command = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={calls}", *inject]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not look at processes here")
    return command
