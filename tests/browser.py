"""A real browser for the tests of the page: Debian's chromium without a screen, drawing by software.

Without chromium or playwright the tests are skipped, with what to install; where GEOMETRY_BROWSER is `required`, as in
continuous integration, they fail instead. The README's picture of a page: python tests/browser.py report.html page.png
[JavaScript to run first].
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SOFTWARE = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--force-color-profile=srgb")
NAMES = ("chromium", "chromium-browser", "google-chrome")


def executable() -> str:
    """The path of a browser; skips, or fails where one is required."""
    found = os.environ.get("GEOMETRY_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        _without("no chromium on the PATH: apt-get install chromium, or name one in GEOMETRY_CHROMIUM")
    return str(found)


def _without(reason: str) -> None:
    if os.environ.get("GEOMETRY_BROWSER") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser of playwright."""
    path = executable()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _without("playwright is not installed: pip install playwright")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(SOFTWARE))
        yield browser
        browser.close()


def picture(report: Path, target: Path, script: str = "") -> None:
    """A PNG of the top of a page, 1280 x 1000 pixels, after `script` has run in it."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 1000}, color_scheme="light")
        page.goto(report.resolve().as_uri())
        page.wait_for_selector("html[data-ready]")
        page.evaluate(script)
        page.wait_for_timeout(500)
        page.screenshot(path=str(target))


if __name__ == "__main__":
    picture(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
