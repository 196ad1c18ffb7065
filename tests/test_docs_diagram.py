"""The network diagram: it names the ports that are real, and every word of it can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page

from tests.running import ROOT

SOURCE = (ROOT / "docs" / "network-diagram.svg").read_text()
# The box of each label, the drawing's own size, and the colours that meet at each label.
MEASURE = """() => {
  const luminance = (colour) => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const svg = document.querySelector('svg');
  const shapes = [...svg.querySelectorAll('rect, .disk')].map((shape) => ({
    box: shape.getBBox(), fill: getComputedStyle(shape).fill,
    label: shape.className.baseVal,
  }));
  const inside = (a, b) => a.x >= b.x && a.y >= b.y
    && a.x + a.width <= b.x + b.width && a.y + a.height <= b.y + b.height;
  return {
    width: svg.viewBox.baseVal.width, height: svg.viewBox.baseVal.height,
    labels: [...svg.querySelectorAll('text')].map((label) => {
      const box = label.getBBox();
      const middle = {x: box.x + box.width / 2, y: box.y + box.height / 2, width: 0, height: 0};
      const below = shapes.filter((shape) => inside(middle, shape.box));
      const ground = luminance(below.filter((shape) => shape.fill !== 'none').at(-1).fill);
      const ink = luminance(getComputedStyle(label).fill);
      return {
        text: label.textContent, x: box.x, y: box.y, right: box.x + box.width,
        bottom: box.y + box.height, fits: inside(box, below.at(-1).box),
        contrast: (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05),
      };
    }),
  };
}"""


@pytest.fixture(params=["light", "dark"])
def drawing(request: pytest.FixtureRequest, browser: Browser) -> Iterator[dict[str, Any]]:
    """The diagram as Chromium lays it out."""
    scheme: Literal["light", "dark"] = request.param
    page: Page = browser.new_page(color_scheme=scheme)
    page.set_content(SOURCE)
    yield page.evaluate(MEASURE)
    page.close()


@pytest.mark.browser
def test_every_label_stays_inside_its_box(drawing: dict[str, Any]) -> None:
    assert [label["text"] for label in drawing["labels"] if not label["fits"]] == []


@pytest.mark.browser
def test_no_two_labels_overlap(drawing: dict[str, Any]) -> None:
    labels = drawing["labels"]
    pairs = [
        (one["text"], other["text"])
        for index, one in enumerate(labels)
        for other in labels[index + 1 :]
        if one["x"] < other["right"]
        and other["x"] < one["right"]
        and one["y"] < other["bottom"] - 4  # line boxes may touch; letters do not
        and other["y"] < one["bottom"] - 4
    ]
    assert pairs == []


@pytest.mark.browser
def test_labels_stand_out_from_their_ground(drawing: dict[str, Any]) -> None:
    """WCAG AA asks for 4.5 to 1."""
    faint = [label["text"] for label in drawing["labels"] if label["contrast"] < 4.5]
    assert faint == []


def test_it_shows_the_real_ports() -> None:
    labels = re.findall(r"<text[^>]*>([^<]+)</text>", SOURCE)
    assert {label for label in labels if label.startswith(":")} == {
        ":8501",
        ":7860",
        ":8000",
        ":1234",
    }


def test_it_is_whole_in_itself() -> None:
    """A picture in a README loads nothing else, and says what it is to who cannot see it."""
    assert re.findall(r"(?:href|src|url)\s*[=(]", SOURCE) == []
    assert "<title" in SOURCE
    assert "<desc" in SOURCE
