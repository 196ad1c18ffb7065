"""What a model writes inside an event is no end of a line."""

from __future__ import annotations

import httpx
import pytest

from tests.event_lines import event_lines

TEXT = "data: a\u0085b\u2028c\u2029d\u001ce"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_only_a_line_feed_ends_a_line(end: str) -> None:
    body = (TEXT + end + end + "data: ü").encode()
    pieces = [body[index : index + 1] for index in range(len(body))]
    assert list(event_lines(httpx.Response(200, content=iter(pieces)))) == [TEXT, "", "data: ü"]
