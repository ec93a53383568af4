"""Coming to the page: tokens, keys, small screens, a flow that goes and comes back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import PATIENCE, Complaints
from tests.browser.shown import TOKEN, Shown

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]

CHECK = re.compile("^Processor check")


def test_a_wrong_token_is_refused_and_the_right_one_is_kept_for_the_tab(
    blank: Page, shown: Shown, complaints: Complaints
) -> None:
    shown.start()
    shown.wait_for_kept(1)
    blank.goto(shown.url)
    blank.get_by_label("Token").fill("another-token-that-is-long")
    blank.get_by_role("button", name="Open").click()
    expect(blank.get_by_text("This is not the token.")).to_be_visible()
    blank.get_by_label("Token").fill(TOKEN)
    blank.get_by_role("button", name="Open").click()
    expect(blank.get_by_role("button", name=CHECK)).to_be_visible()
    blank.reload()
    expect(blank.get_by_role("button", name=CHECK)).to_be_visible()
    complaints.forgive("401 (Unauthorized)")


def test_the_token_of_a_link_leaves_the_address_and_goes_nowhere_but_into_a_header(blank: Page, shown: Shown) -> None:
    shown.start()
    shown.wait_for_kept(1)
    asked: list[str] = []
    blank.on("request", lambda request: asked.append(request.url))
    blank.goto(shown.link)
    expect(blank.get_by_role("button", name=CHECK)).to_be_visible()
    assert (TOKEN in blank.url, [each for each in asked if TOKEN in each.partition("#")[0]]) == (False, [])
    assert TOKEN not in blank.evaluate("document.cookie + JSON.stringify(localStorage) + document.body.outerHTML")
    assert TOKEN not in (shown.folder / "log").read_text()


def test_everything_comes_from_the_flow_itself(blank: Page, shown: Shown) -> None:
    shown.start()
    shown.wait_for_kept(1)
    hosts: set[str] = set()
    blank.on("request", lambda request: hosts.add("/".join(request.url.split("/")[:3])))
    blank.goto(shown.link)
    expect(blank.get_by_role("button", name=CHECK)).to_be_visible()
    assert hosts == {shown.url}


def test_the_keyboard_alone_reaches_a_record_and_a_switch(page: Page) -> None:
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Enter"):  # into the graph, and on, whichever way it is drawn
        page.keyboard.press(key)
    expect(page.get_by_role("article", name="Queue read.success>check")).to_be_visible()
    page.get_by_role("list", name="Records as they come").locator("button.head").first.wait_for()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Content", exact=True)).to_contain_text('"n":')
    page.keyboard.press("Escape")
    expect(page.get_by_role("article", name="The flow")).to_be_visible()


def test_keys_are_listed_and_lead_to_every_view(page: Page) -> None:
    page.keyboard.press("?")
    expect(page.get_by_role("dialog").get_by_text("show: dead letters")).to_be_visible()
    page.keyboard.press("Escape")
    for key, name in {
        "d": "Dead letters",
        "q": "Queues and processors",
        "p": "Provenance",
        "l": "Log",
        "g": "Graph",
    }.items():
        page.keyboard.press(key)
        expect(page.get_by_role("region", name=name, exact=True)).to_be_visible()


def test_a_processor_is_stopped_and_started_by_a_key(page: Page) -> None:
    page.get_by_role("button", name=CHECK).click()
    page.keyboard.press("s")
    expect(page.get_by_role("button", name=re.compile("Processor check, check, stopped"))).to_be_visible()
    page.keyboard.press("s")
    expect(page.get_by_role("button", name=re.compile("Processor check, check, (running|waiting)"))).to_be_visible()


def test_the_theme_is_switched_and_remembered(page: Page) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    page.keyboard.press("t")
    light = page.evaluate(colour)
    page.keyboard.press("t")
    dark = page.evaluate(colour)
    page.reload()
    page.get_by_role("button", name=CHECK).wait_for()
    assert (light == dark, page.evaluate(colour)) == (False, dark)


def test_a_killed_flow_is_told_of_and_found_again(page: Page, shown: Shown, complaints: Complaints) -> None:
    shown.stop()
    expect(page.get_by_text("The flow does not answer.")).to_be_visible()
    shown.start()
    expect(page.get_by_text("The flow does not answer.")).to_be_hidden()
    expect(page.get_by_role("button", name=re.compile("Processor read, numbers, (running|waiting)"))).to_be_visible()
    complaints.forgive("ERR_")


def test_a_flow_that_is_back_with_another_token_asks_for_it(page: Page, shown: Shown, complaints: Complaints) -> None:
    shown.stop()
    shown.start("another-token-that-is-long")
    expect(page.get_by_text("The flow was started anew, with another token.")).to_be_visible()
    page.get_by_label("Token").fill("another-token-that-is-long")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=CHECK)).to_be_visible()
    complaints.forgive("ERR_")
    complaints.forgive("401 (Unauthorized)")


def test_a_flow_that_is_changed_is_drawn_anew(page: Page, shown: Shown) -> None:
    page.get_by_role("button", name=CHECK).click()
    shown.grow()
    expect(page.get_by_role("button", name="Processor mark, set_fields")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Queue check.success>mark"))).to_be_visible()
    expect(page.get_by_role("article", name="Processor check")).to_be_visible()


def test_a_flow_is_stopped_after_a_question(page: Page, shown: Shown, complaints: Complaints) -> None:
    page.get_by_role("button", name="Stop the flow…").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Stop the flow…").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop the flow").click()
    expect(page.get_by_text(re.compile("The flow (has ended|does not answer)"))).to_be_visible()
    assert shown.wait() == 0
    complaints.forgive("ERR_")
    complaints.forgive("503 (Service Unavailable)")
    complaints.forgive("404 (Not Found)")


def test_a_hidden_page_asks_for_nothing(page: Page) -> None:
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true}); document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(hide % "true")
    with page.expect_response("**/api/flows/shown"):  # one that was under way may still come, and the last timer
        page.evaluate(hide % "false")
    page.evaluate(hide % "true")
    page.evaluate("new Promise((done) => setTimeout(done, 700))")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("new Promise((done) => setTimeout(done, 1500))")
    assert asked == []


@pytest.mark.parametrize("size", [(360, 640), (390, 844)])
def test_on_a_phone_a_record_is_three_taps_away_and_nothing_is_wider_than_the_screen(
    browser: Browser, shown: Shown, complaints: Complaints, size: tuple[int, int]
) -> None:
    shown.start()
    shown.wait_for_kept(12)
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, has_touch=True, is_mobile=True)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    complaints.listen(page)
    page.goto(shown.link)
    page.get_by_role("button", name=re.compile("^Queue read")).tap()
    page.get_by_role("list", name="Records as they come").locator("button.head").first.tap()
    expect(page.get_by_label("Content", exact=True)).to_contain_text('"n":')
    for view in ("Queues", "Dead letters", "Provenance", "Log", "Graph"):
        page.get_by_role("link", name=view).first.tap()
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], view
    context.close()


def test_a_part_of_the_flow_is_found_by_its_name(page: Page) -> None:
    page.keyboard.press("/")
    page.get_by_label("Name of a processor or a queue").fill("chec")
    page.keyboard.press("Enter")
    expect(page.get_by_role("article", name="Processor check")).to_be_visible()
