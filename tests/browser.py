"""A real browser for the tests of the page: Debian's chromium without a screen, drawing by software.

Without chromium or playwright the tests are skipped, with what to install; where GEOMETRY_BROWSER is `required`, as in
continuous integration, they fail instead. The README's picture of a page: python tests/browser.py report.html page.png
[JavaScript to run first].
"""

from __future__ import annotations

import base64
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
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


class Seen:
    """A page that is open, and all that went wrong or was asked for."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.page = browser.new_page(viewport={"width": 1280, "height": 900}, **options)
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on(
            "console", lambda said: self.wrong.append(said.text) if said.type in ("error", "warning") else None
        )
        self.page.on("dialog", lambda dialog: (self.wrong.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.path = path

    def open(self) -> Seen:
        self.page.goto(self.path.as_uri())
        self.page.wait_for_selector("html[data-ready]")
        return self

    def run(self, script: str) -> Any:
        return self.page.evaluate(script)

    def settle(self) -> None:
        """Two frames: what was changed is drawn."""
        self.run("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def until(self, condition: str) -> None:
        """Looks again every 20 ms, 5 seconds long; the page's policy keeps the driver from looking by itself."""
        for _ in range(250):
            if self.run(condition):
                return
            self.page.wait_for_timeout(20)
        raise AssertionError(f"never came true: {condition}")

    def show(self, **patch: Any) -> None:
        self.page.evaluate("(patch) => change(patch)", patch)
        self.settle()

    def pixels(self) -> np.ndarray:
        """(height, width, 4) what is on the canvas of the points, top row first."""
        values, width = self.run(
            """() => { drawStage(); const all = new Uint8Array(4 * canvas.width * canvas.height);
            gl.readPixels(0, 0, canvas.width, canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, all);
            let text = ""; for (let i = 0; i < all.length; i += 8192)
              text += String.fromCharCode(...all.subarray(i, i + 8192));
            return [btoa(text), canvas.width]; }"""
        )
        return np.frombuffer(base64.b64decode(values), np.uint8).reshape(-1, width, 4)[::-1].astype(int)

    def place(self, i: int) -> tuple[float, float]:
        """Where on the page point i of the generation shown lies."""
        x, y = self.run(
            f"""() => {{ const box = canvas.getBoundingClientRect(); const [frame] = frames(box.width, box.height);
            const [x, y] = onScreen(seen(placeOf(cloudAt(now()), {i})), frame); return [box.x + x, box.y + y]; }}"""
        )
        return x, y


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
