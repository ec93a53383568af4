"""Dead letters and the course of records, in the browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.shown import Shown

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]


def open_letter(page: Page) -> None:
    page.get_by_role("link", name="Dead letters").first.click()
    page.get_by_role("list", name="Dead letters").locator("button.head").first.click()


def test_a_dead_letter_says_why_and_what(page: Page) -> None:
    open_letter(page)
    expect(page.get_by_label("Content", exact=True)).to_contain_text('"n": 7')
    expect(page.get_by_role("definition").filter(has_text="ValueError: no good")).to_be_visible()


def test_a_dead_letter_is_tried_again_and_arrives(page: Page, shown: Shown) -> None:
    open_letter(page)
    (shown.folder / "mended").touch()
    page.get_by_role("button", name="Retry this one").click()
    expect(page.get_by_text("Trying again: 1 dead letter.")).to_be_visible()
    shown.wait_for_kept(7)
    expect(page.get_by_text("None: no record has failed.")).to_be_visible()


def test_a_dead_letter_is_deleted_after_a_question(page: Page) -> None:
    open_letter(page)
    page.get_by_role("button", name="Delete this one…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("Deleted 1 dead letter.")).to_be_visible()
    expect(page.get_by_text("None: no record has failed.")).to_be_visible()


def test_a_record_is_followed_through_the_flow(page: Page) -> None:
    page.get_by_role("link", name="Provenance").click()
    page.get_by_label("Kind of event").select_option("CREATE")
    page.get_by_role("region", name="Events").get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="What happened to it")).to_be_visible()
    expect(page.get_by_text("create", exact=True).first).to_be_visible()
    expect(page.get_by_text("keep", exact=True).first).to_be_visible()


def test_the_log_grows_and_its_level_is_changed(page: Page) -> None:
    page.get_by_role("link", name="Log").click()
    page.get_by_label("The least that is logged").select_option("warning")
    expect(page.get_by_text("The least that is logged is now warning.")).to_be_visible()
    expect(page.get_by_role("log")).to_be_visible()
