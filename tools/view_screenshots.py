"""Makes the pictures of docs/view.md with Chromium: `python tools/view_screenshots.py URL docs/images`.

URL is that of a `newscrawl view` over the archives that `newscrawl demo run` has made.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from newscrawl.downloader.browser import find_browser

QUERY = "?q=pont&lang=en"


def take_pictures(page: Page, base: str, folder: Path) -> None:
    page.set_viewport_size({"width": 1000, "height": 640})
    page.goto(f"{base}/{QUERY}")
    page.screenshot(path=folder / "view-search.png")
    page.goto(f"{base}/?language=mixed&lang=en")
    page.locator(".hits a").first.click()
    page.frame_locator("iframe").locator("h1").wait_for()
    page.screenshot(path=folder / "view-article.png")
    page.goto(f"{base}/outlets/kamer_echo?lang=en")
    page.locator("#days-heading").scroll_into_view_if_needed()
    page.screenshot(path=folder / "view-outlet.png")
    page.set_viewport_size({"width": 390, "height": 760})
    page.goto(f"{base}/{QUERY.replace('en', 'fr')}")
    page.screenshot(path=folder / "view-phone.png")


def main() -> None:
    base, folder = sys.argv[1].rstrip("/"), Path(sys.argv[2])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(""), chromium_sandbox=False)
        take_pictures(browser.new_page(), base, folder)
        browser.close()


if __name__ == "__main__":
    main()
