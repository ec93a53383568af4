"""Debian's Chromium, driven by Playwright: no other browser is fetched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.services.server import program

PATIENCE = 30_000  # milliseconds: the machine has other things to do
FLAGS = (
    "--no-sandbox",  # root has none
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Chromium:
    """Where it is, and what brings it."""

    pattern = "usr/bin/chromium"
    packages = ("chromium",)


class Complaints(list[str]):
    """What a browser said of a page."""

    def listen(self, page: Page) -> None:
        """Hear it."""
        page.on("console", lambda said: self.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.append(str(error)))

    def forgive(self, part: str) -> None:
        """Forget what was to be expected."""
        self[:] = [each for each in self if part not in each]


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser without a window."""
    path = program(Chromium.pattern, Chromium.packages)
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS), timeout=2 * PATIENCE)
        try:
            yield browser
        finally:
            browser.close()
