"""Flows in a process of their own, which neither the terminal nor whoever watches in it can harm."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO

__all__ = ["Apart", "apart"]

LOOK_EVERY = 0.1


@dataclass(slots=True)
class Apart:
    """The process of the flows, as the one that has begun it sees it."""

    process: int
    output: IO[bytes]
    errors: IO[bytes]
    code: int | None = None
    _asked: int = field(default=0)

    def stop(self) -> None:
        """Ask it to end, as SIGTERM does; asked again, to end at once."""
        if self.code is None:
            os.kill(self.process, signal.SIGTERM if not self._asked else signal.SIGINT)
            self._asked += 1

    async def ended(self) -> int:
        """Wait for its end; its exit code, as a shell has it."""
        while self.code is None:
            process, status = os.waitpid(self.process, os.WNOHANG)  # noqa: ASYNC222 - it does not wait
            if process:
                code = os.waitstatus_to_exitcode(status)
                self.code = code if code >= 0 else 128 - code
            else:
                await asyncio.sleep(LOOK_EVERY)  # noqa: TID251 - a command belongs to no flow
        return self.code

    def print_said(self) -> None:
        """Print what it has printed."""
        for stream, said in ((sys.stderr, self.errors), (sys.stdout, self.output)):
            said.seek(0)
            stream.buffer.write(said.read())
            stream.flush()


def apart() -> Apart | None:
    """Go on in two processes: this one, which watches, and one for the flows, where None comes back.

    That one has no terminal: it is not ended with it, not stopped by Ctrl-Z, and what it prints is kept for
    the other. Nothing may have been started yet that a second process would not have, such as a thread.
    """
    output, errors = TemporaryFile(), TemporaryFile()  # noqa: SIM115 - they are kept as long as the process
    process = os.fork()
    if process:
        return Apart(process, output, errors)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((nothing, output.fileno(), errors.fileno())):
        os.dup2(file, number)
    return None
