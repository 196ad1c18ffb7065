"""The HTML of the Server page and of the playground: nothing foreign gets in as markup."""

from __future__ import annotations

from datetime import UTC, datetime

from chat_client import ChatError, Model, RequestLog, RequestRow, Snippet, Standing, grouped
from gradio_ui.playground_cards import leaderboard_card, marked
from gradio_ui.request_log import log_card
from gradio_ui.server_cards import models_card, snippets_card, trouble

EVIL = "<img src=x onerror=alert(1)>'\""


def row(model: str, outcome: str = "ok") -> RequestRow:
    return RequestRow(
        request_id="r",
        began_at=datetime(2026, 1, 1, 12, 0, tzinfo=UTC),
        key=EVIL,
        model=model,
        route="/v1/chat/completions",
        outcome=outcome,
        status=200,
        prompt_tokens=3,
        completion_tokens=4,
        estimated=False,
        queue_ms=0.0,
        first_token_ms=120.0,
        duration_ms=900.0,
    )


def test_names_of_others_are_text() -> None:
    drawn = (
        models_card(grouped([Model(EVIL, EVIL, True)]), {}, busy=False),
        trouble(ChatError(EVIL, EVIL)),
        snippets_card([Snippet("python", "Python", EVIL)]),
        log_card(RequestLog(reach="all", data=(row(EVIL),)), 0, past_gateway=False),
        marked(EVIL, EVIL),
        leaderboard_card([Standing(EVIL, EVIL, 1000, 900, 1100, 1, 1, 0, 0, 0)]),
    )
    assert all("<img" not in html for html in drawn)
    assert all("&lt;img" in html for html in drawn)


def test_the_log_has_local_times_and_leaves_out_looks_at_the_list_of_models() -> None:
    log = RequestLog(reach="own", data=(row("tiny"), row(""), row("", outcome="bad_key")))
    html = log_card(log, 120, past_gateway=True)
    assert html.count("<tr") == 3  # the head, the question, the failure
    assert "14:00:00" in html
    assert "bad key" in html
    assert "past the gateway" in html
    assert "own key" in html
