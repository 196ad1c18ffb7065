"""Pages of the real browser, for the tests of both web UIs.

Owns: opening an address at a size and colour scheme, blocking and recording every request that
would leave the machine, and what any page must hold (no sideways scrolling, no script error).
It knows nothing of what a page shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Route, StorageState

LAPTOP = (1440, 900)
PHONE = (390, 844)
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
LOCAL_SCHEMES = {"data", "blob", "about", "chrome-error"}

ColorScheme = Literal["light", "dark"]


@dataclass
class Visit:
    """One open page; `foreign` holds every address it asked for outside this machine."""

    page: Page
    foreign: list[str] = field(default_factory=list)
    script_errors: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The text that a person can see on the page right now."""
        return self.page.inner_text("body")

    def sideways_overflow_px(self) -> int:
        """How many CSS pixels the page is wider than its window; 0 when nothing sticks out."""
        script = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.page.evaluate(script))


def is_local(url: str) -> bool:
    """True when asking for `url` does not leave this machine."""
    parts = urlsplit(url)
    return parts.scheme in LOCAL_SCHEMES or parts.hostname in LOOPBACK


def _state_of(url: str, stored: Mapping[str, str]) -> StorageState:
    parts = urlsplit(url)
    return {
        "origins": [
            {
                "origin": f"{parts.scheme}://{parts.netloc}",
                "localStorage": [{"name": name, "value": stored[name]} for name in stored],
            }
        ]
    }


@contextmanager
def visit(
    browser: Browser,
    url: str,
    size: tuple[int, int] = LAPTOP,
    color_scheme: ColorScheme = "light",
    timeout_s: float = 60.0,
    stored: Mapping[str, str] | None = None,
) -> Iterator[Visit]:
    """Opens `url` in a fresh profile; requests to other machines are blocked and recorded.

    `stored` is what the browser's local storage holds for that page from an earlier visit.
    """
    context = browser.new_context(
        storage_state=_state_of(url, stored or {}),
        viewport={"width": size[0], "height": size[1]},
        color_scheme=color_scheme,
        reduced_motion="reduce",
        has_touch=size == PHONE,
    )
    context.set_default_timeout(timeout_s * 1000)
    page = context.new_page()
    opened = Visit(page)

    def guard(route: Route) -> None:
        if is_local(route.request.url):
            route.continue_()
        else:
            opened.foreign.append(route.request.url)
            route.abort()

    context.route("**/*", guard)
    page.on("websocket", lambda ws: None if is_local(ws.url) else opened.foreign.append(ws.url))
    page.on("pageerror", lambda error: opened.script_errors.append(str(error)))
    try:
        page.goto(url)
        yield opened
    finally:
        context.close()
