"""Records in the browser: looked at, filtered, dropped; hostile ones stay text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.chromium import Complaints
from tests.browser.shown import LIMIT, Shown

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]

QUEUE = re.compile(r"^Queue read\.success>check")


def stop(page: Page, name: str) -> None:
    page.get_by_role("button", name=f"Processor {name}").click()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()


def fill(page: Page) -> None:
    """Stop what takes from the queue, and wait until it is full."""
    stop(page, "check")
    page.get_by_role("button", name=QUEUE).click()
    page.get_by_role("tab", name="Waiting").click()
    expect(page.get_by_text(f"{LIMIT} of {LIMIT} wait")).to_be_visible()
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_text(f"1 to 50 of {LIMIT} that wait")).to_be_visible()


def rows(page: Page, label: str = "Records that wait") -> Locator:
    return page.get_by_role("list", name=label).locator("button.head")


def test_records_that_pass_are_seen_and_opened_at_once(page: Page) -> None:
    page.get_by_role("button", name=QUEUE).click()
    rows(page, "Records as they come").first.click()
    content = page.get_by_label("Content", exact=True)
    expect(content).to_contain_text('"n":')
    expect(content).to_contain_text("12345678901234567890123")
    expect(page.get_by_text("when you close what you read")).to_be_visible()


def test_a_stopped_processor_lets_its_queue_fill_and_its_source_wait_and_drains_when_started(page: Page) -> None:
    fill(page)
    expect(page.get_by_role("button", name=re.compile("Processor read, numbers, blocked"))).to_be_visible()
    expect(
        page.get_by_role("button", name=re.compile(rf"Queue read.success>check, {LIMIT} waiting, 100 % full"))
    ).to_be_visible()
    expect(page.get_by_text("read waits for room")).to_be_visible()
    page.get_by_role("button", name="Processor check").click()
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("button", name=re.compile(r"Queue read.success>check, \d{1,2} waiting"))).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Processor read, numbers, (running|waiting)"))).to_be_visible()


def test_waiting_records_are_turned_page_by_page_and_filtered(page: Page) -> None:
    fill(page)
    page.get_by_role("button", name="Later →").click()
    expect(page.get_by_text(f"51 to 100 of {LIMIT}")).to_be_visible()
    box = page.get_by_label("Filter records by an expression")
    box.fill("n % 100 == 0")
    box.press("Enter")
    expect(page.get_by_text("1 to 3 that match")).to_be_visible()
    expect(rows(page)).to_have_count(3)


def test_what_is_wrong_with_a_filter_is_said_below_it_and_the_list_stays(page: Page, complaints: Complaints) -> None:
    fill(page)
    box = page.get_by_label("Filter records by an expression")
    box.fill("lower(text) = 'x'")
    box.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="==")).to_be_visible()
    expect(box).to_have_attribute("aria-invalid", "true")
    expect(rows(page)).to_have_count(50)
    complaints.forgive("400 (Bad Request)")


def test_marked_records_are_dropped_after_a_question_and_cancelling_drops_none(page: Page) -> None:
    fill(page)
    page.get_by_role("checkbox").nth(0).check()
    page.get_by_role("checkbox").nth(1).check()
    page.get_by_role("button", name="Drop 2 marked…").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.get_by_text(f"{LIMIT} of {LIMIT} wait")).to_be_visible()
    page.get_by_role("button", name="Drop 2 marked…").click()
    page.get_by_role("dialog").get_by_role("button", name="Drop 2").click()
    expect(page.get_by_text("Dropped 2 records of read.success>check.")).to_be_visible()


def test_waiting_records_are_exported_as_they_are(page: Page) -> None:
    fill(page)
    with page.expect_download() as done:
        page.get_by_role("button", name="Export").click()
    lines = Path(done.value.path()).read_text().splitlines()
    assert (len(lines), '"long":12345678901234567890123' in lines[0]) == (LIMIT, True)


def test_a_limit_is_changed_while_the_flow_runs(page: Page) -> None:
    fill(page)
    page.get_by_role("tab", name="Figures and limits").click()
    page.get_by_label("Records at most").fill("1000")
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_text("1,000 of 1,000 wait")).to_be_visible()


def test_markup_in_records_and_errors_is_text(page: Page, shown: Shown) -> None:
    fill(page)
    box = page.get_by_label("Filter records by an expression")
    box.fill("n % 10 == 3")
    box.press("Enter")
    rows(page).first.click()
    expect(page.get_by_label("Content", exact=True)).to_contain_text("<img src=x onerror=")
    page.get_by_role("link", name="Dead letters").first.click()
    expect(page.get_by_text("ValueError: no good: <b onclick=x>seven</b>").first).to_be_visible()
    assert page.locator("main img, aside img, b[onclick]").count() == 0
    assert page.title() != "hacked"
