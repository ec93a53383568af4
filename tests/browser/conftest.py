"""What tests of the web page share: a browser, a flow that runs, a page that shows it and must not complain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.chromium import PATIENCE, Chromium, Complaints, browsing
from tests.browser.shown import Shown
from tests.services.server import provide


def pytest_collection_finish() -> None:
    """Install the browser now, where no test's deadline runs."""
    provide(Chromium)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for the tests of a file."""
    with browsing() as made:
        yield made


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[Shown]:
    """The flow, not run yet."""
    made = Shown(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """There must be none at the end."""
    made = Complaints()
    yield made
    assert list(made) == []


@pytest.fixture
def blank(browser: Browser, complaints: Complaints, shown: Shown) -> Iterator[Page]:
    """A page of a person's own, that shows nothing yet; closed before the flow ends."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    complaints.listen(page)
    yield page
    context.close()


@pytest.fixture
def page(blank: Page, shown: Shown) -> Page:
    """The page, with the flow in it."""
    shown.start()
    shown.wait_for_kept(12)
    blank.goto(shown.link)
    blank.get_by_role("button", name="Processor check").wait_for()
    return blank
