"""One page of a real browser under measurement.

Owns: a fresh Chromium, the probe in the page, mapping the page's clock to CLOCK_MONOTONIC, the
browser's own counters (busy seconds of the main thread, bytes). It knows no UI beyond its `Ui`.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page, Playwright, ViewportSize

from bench.machine import HERE, raise_family
from bench.ui_services import Running

SIZE: ViewportSize = {"width": 1280, "height": 800}
READS = 15
LOOK_MS = 100
LET_BE_S = 0.2  # the model's first token comes after 0.3 s
THINK_S = 0.3  # nobody presses Enter in the same instant as the last letter
ARGUMENTS = [
    "--no-sandbox",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


class View:
    """An open page; every time that leaves it is in seconds of CLOCK_MONOTONIC."""

    def __init__(self, page: Page, running: Running) -> None:
        self.page = page
        self.running = running
        self.bytes_down = 0
        self._ahead_s = 0.0
        self._counters = page.context.new_cdp_session(page)

    def open(self, url: str) -> float:
        """Goes there with a cold cache; milliseconds until a question can be typed."""
        self._counters.send("Performance.enable")
        began = time.monotonic()
        self.page.goto(url, wait_until="commit")
        self.wait("lecternBench.usable || document.title === 'Floor'")
        self.map_clock()
        return (self._seconds("lecternBench.usable") - began) * 1000

    def reload(self) -> float:
        """Reloads and returns the moment at which that began."""
        began = time.monotonic()
        self.page.reload(wait_until="commit")
        self.map_clock()
        return began

    def count_bytes(self) -> None:
        """Counts from now on what comes down, frames of sockets and streams included."""
        self._counters.on("Network.dataReceived", self._data)
        self._counters.on("Network.webSocketFrameReceived", self._frame)
        self._counters.send("Network.enable")

    def map_clock(self) -> None:
        """The page's clock by the narrowest of several bracketed reads."""
        narrowest = float("inf")
        for _ in range(READS):
            before = time.monotonic()
            page_ms = self.page.evaluate("performance.now()")
            after = time.monotonic()
            if after - before < narrowest:
                narrowest = after - before
                self._ahead_s = (before + after) / 2 - page_ms / 1000

    def ask(self, question: str) -> float:
        """Sends it; the moment of Enter, read when nothing depends on the page's answering fast."""
        box = self.page.locator(self.running.ui.box)
        box.fill(question)
        self.idle(THINK_S)
        box.press("Enter")
        self.idle(LET_BE_S)
        return self._seconds("lecternBench.enter")

    def stop(self) -> float:
        """Clicks on Stop; the moment of the click."""
        self.page.locator(self.running.ui.stop).click()
        return self._seconds("lecternBench.click")

    def wait(self, condition: str, timeout_s: float = 60.0) -> None:
        """Waits for an expression; rarely looked at, so that looking costs the page nothing."""
        self.page.wait_for_function(condition, polling=LOOK_MS, timeout=timeout_s * 1000)

    def wait_for_marker(self, marker: str, timeout_s: float = 60.0) -> None:
        self.wait(f"lecternBench.seen['{marker}']", timeout_s)

    def idle(self, seconds: float) -> None:
        """Lets the page live on."""
        self.page.wait_for_timeout(seconds * 1000)

    def seen(self) -> dict[str, float]:
        """Each marker and when it first was in the page."""
        found: dict[str, float] = self.page.evaluate("lecternBench.seen")
        return {marker: ms / 1000 + self._ahead_s for marker, ms in found.items()}

    def updates(self) -> int:
        """How often the page has changed."""
        return int(self.page.evaluate("lecternBench.updates"))

    def busy_s(self) -> float:
        """Seconds that the main thread has worked since the page was opened."""
        metrics: list[dict[str, Any]] = self._counters.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))

    def _seconds(self, expression: str) -> float:
        return float(self.page.evaluate(expression)) / 1000 + self._ahead_s

    def _data(self, event: dict[str, Any]) -> None:
        # Zero for what is told again with the next event, and for what came from the cache.
        self.bytes_down += max(event["encodedDataLength"], 0)

    def _frame(self, event: dict[str, Any]) -> None:
        frame = event["response"]
        text = frame["opcode"] == 1
        payload = frame["payloadData"]
        self.bytes_down += len(payload.encode()) if text else len(payload) * 3 // 4


@contextmanager
def opened(playwright: Playwright, running: Running, niceness: int = 0) -> Iterator[View]:
    """A fresh browser and profile that knows no host but this machine."""
    browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
    try:
        context = browser.new_context(viewport=SIZE, reduced_motion="reduce")
        context.add_init_script(path=HERE / "ui_probe.js")
        view = View(context.new_page(), running)
        raise_family(niceness)
        yield view
    finally:
        browser.close()


def chromium() -> str:
    """The system's Chromium or Chrome; `CHROMIUM` names another."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if found is None:
        raise SystemExit("Chromium is needed (for example: apt install chromium), or set CHROMIUM.")
    return found
