"""The terminal, let go of while the process is stopped and taken again when it goes on."""

from __future__ import annotations

from typing import Any

from textual.drivers.linux_driver import LinuxDriver

__all__ = ["Terminal"]


class Terminal(LinuxDriver):
    """A driver that goes on after any stop.

    Ctrl-Z is heard of in time: the terminal is given back first. Nobody hears of SIGSTOP, and Textual would
    then take the terminal a second time when the process goes on, with two threads that read the same keys.
    """

    def _sigcont_application(self, *_: Any) -> None:
        if self._auto_restart and not self._must_signal_resume:
            self.suspend_application_mode()
            self._must_signal_resume = True
        super()._sigcont_application()
