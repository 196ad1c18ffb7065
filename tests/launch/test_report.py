"""The closing text: a `curl` line must survive being pasted into a shell."""

from __future__ import annotations

import json
import shlex

from launch.report import curl_line, summary


def test_the_curl_line_is_one_command_that_asks_for_a_stream() -> None:
    words = shlex.split(curl_line("http://127.0.0.1:8000", "lk-abc", "it's-a-model"))
    assert words[:3] == ["curl", "-N", "http://127.0.0.1:8000/v1/chat/completions"]
    assert "Authorization: Bearer lk-abc" in words
    body = json.loads(words[words.index("-d") + 1])
    assert body["model"] == "it's-a-model"
    assert body["stream"] is True


def test_columns_line_up() -> None:
    text = summary({"Gateway": "http://g", "Streamlit UI": "http://s"}, "lectern-101", "lk-a", "")
    starts = {
        line.index(value)
        for line, value in zip(
            text.strip("\n").splitlines(),
            ("http://g", "http://s", "lectern-101", "lk-a"),
            strict=True,
        )
    }
    assert len(starts) == 1
