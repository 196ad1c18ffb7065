"""The check of accessibility finds what it is there to find, and leaves out only what is named."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.browser.accessibility import serious_violations

pytestmark = pytest.mark.browser

PAGE = """
<!doctype html><html lang="en"><head><title>A page</title></head><body><main><h1>A page</h1>
<p style="color: #999; background: #fff">Too pale.</p>
<div id="framework"><button></button></div></main></body></html>
"""


def test_a_pale_text_and_a_nameless_button_are_found_and_an_exception_is_exact(
    browser: Browser,
) -> None:
    page = browser.new_page()
    page.set_content(PAGE)
    rules = sorted(line.split(" ")[0] for line in serious_violations(page))
    assert rules == ["button-name", "color-contrast"]
    left = serious_violations(page, {"button-name": ["#framework"], "color-contrast": ["#other"]})
    assert [line.split(" ")[0] for line in left] == ["color-contrast"]
    page.close()
