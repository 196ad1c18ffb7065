"""The HTML of the Server page and of the playground: nothing foreign gets in as markup."""

from __future__ import annotations

from datetime import UTC, datetime

from chat_client import (
    ChatError,
    Model,
    RequestLog,
    RequestRow,
    RunningRow,
    ServerState,
    Snippet,
    Standing,
    grouped,
)
from gradio_ui.lookout import Outlook
from gradio_ui.playground_cards import leaderboard_card, marked
from gradio_ui.request_log import log_notes, log_rows
from gradio_ui.server_cards import gateway_card, models_card, snippets_card, state_card, trouble

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
        gateway_card(ChatError(EVIL, EVIL), EVIL),
        snippets_card([Snippet("python", "Python", EVIL)]),
        log_rows(RequestLog(reach="all", data=(row(EVIL),)), 0, picked=False),
        marked(EVIL, EVIL),
        leaderboard_card([Standing(EVIL, EVIL, 1000, 900, 1100, 1, 1, 0, 0, 0)]),
    )
    assert all("<img" not in html for html in drawn)
    assert all("&lt;img" in html for html in drawn)


def test_the_log_has_local_times_and_what_runs_on_top() -> None:
    waiting = RunningRow(
        request_id="w",
        began_at=datetime(2026, 1, 1, 12, 1, tzinfo=UTC),
        key="ana",
        model="tiny",
        route="/v1/chat/completions",
        state="queued",
        position=2,
        completion_tokens=0,
        first_token_ms=None,
        elapsed_ms=2500.0,
    )
    ended = (row("tiny"), row("", outcome="bad_key"))
    log = RequestLog(reach="own", running=(waiting,), data=ended)
    html = log_rows(log, 120, picked=False)
    assert html.count("<tr") == 4  # and the head
    assert html.index("in line, place 2") < html.index("14:00:00") < html.index("bad key")
    assert "2.50 s so far" in html
    notes = log_notes(log, past_gateway=True)
    assert "past the gateway" in notes
    assert "own key" in notes


def test_the_address_for_teammates_stands_there_whether_the_gateway_answers_or_not() -> None:
    here = gateway_card(RequestLog(reach="own", running=(), data=()), "http://desk.local:8000")
    away = gateway_card(ChatError("It does not answer.", "Start it."), "http://desk.local:8000")
    assert "<code>http://desk.local:8000/v1</code>" in here
    assert "<code>http://desk.local:8000/v1</code>" in away
    assert "dot up" in here
    assert "Asks for a key" in here
    assert "dot down" in away
    assert "It does not answer. Start it." in away


def test_where_chats_go_through_the_gateway_its_address_stands_there_once() -> None:
    outlook = Outlook(ServerState("http://127.0.0.1:8000", True, ()))
    assert "http://127.0.0.1:8000/v1" in state_card(outlook, "http://127.0.0.1:8000")
    assert "http://127.0.0.1:8000" not in state_card(outlook, "")
