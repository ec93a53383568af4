"""Take the pictures of the web page, in the Chromium of the system."""

from __future__ import annotations

from pathlib import Path
from shutil import which

from playwright.async_api import Browser, Page, async_playwright

__all__ = ["take_pictures"]

PICTURES = Path(__file__).with_name("pictures")
PATIENCE = 60_000
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
]
DESK, PHONE = (1400, 900), (390, 844)
QUEUE = "#/tweets/graph/connection/route.unmatched%3Earchive"


async def take_pictures(url: str, token: str) -> None:
    """Look at the example, which runs and whose `archive` is stopped, as a person would."""
    program = which("chromium")
    if program is None:
        print("no pictures of the web page: there is no program 'chromium'")
        return
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        link = f"{url}/#token={token}"
        await _picture(browser, link, "web-graph", "#/tweets/graph")
        await _picture(browser, link, "web-queue", QUEUE, is_dark=True, opens="Records that wait")
        await _picture(browser, link, "web-dead-letters", "#/tweets/letters", opens="Dead letters")
        await _picture(browser, link, "web-phone", QUEUE, size=PHONE, opens="Records that wait")
        await browser.close()


async def _picture(
    browser: Browser,
    link: str,
    name: str,
    place: str,
    *,
    size: tuple[int, int] = DESK,
    is_dark: bool = False,
    opens: str | None = None,
) -> None:
    width, height = size
    page: Page = await browser.new_page(
        viewport={"width": width, "height": height}, color_scheme="dark" if is_dark else "light"
    )
    page.set_default_timeout(PATIENCE)
    await page.goto(link)
    await page.get_by_role("link", name="Graph").wait_for()
    await page.evaluate("place => { location.hash = place; }", place)
    if opens is not None:
        await page.get_by_role("list", name=opens).locator("button.head").nth(1).click()
        await page.get_by_label("Content", exact=True).wait_for()
    await page.wait_for_timeout(2000)
    await page.screenshot(path=PICTURES / f"{name}.png")
    await page.close()
    print(f"wrote docs/pictures/{name}.png")
