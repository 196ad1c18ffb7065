"""Parts of a page that run again by themselves: they never move what stands around them."""

from __future__ import annotations

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.testing.v1 import AppTest, local_script_runner
from streamlit.testing.v1.element_tree import parse_tree_from_messages

from tests.chat_client.upstream import Upstream


def page(name: str) -> None:
    """One page, with what `app` puts above every page but the chat."""
    from importlib import import_module

    from streamlit_ui.session import keep_reading

    if name != "chat_page":
        keep_reading()
    getattr(import_module(f"streamlit_ui.{name}"), name)()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[ForwardMsg]:
    """What the last run sent to its browser."""
    messages: list[ForwardMsg] = []

    def noted(run: list[ForwardMsg]) -> object:
        messages[:] = run
        return parse_tree_from_messages(run)

    monkeypatch.setattr(local_script_runner, "parse_tree_from_messages", noted)
    return messages


def places_left(run: list[ForwardMsg], fragment: str) -> set[tuple[int, ...]]:
    """What still comes of a run, when a part's timer runs it before the browser got the run.

    Streamlit takes everything of that part back then, also its place among its neighbours.
    """
    queue = ForwardMsgQueue()
    for message in run:
        queue.enqueue(message)
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=[fragment])
    return {
        tuple(message.metadata.delta_path)
        for message in queue.flush()
        if message.WhichOneof("type") == "delta"
    }


def gaps(places: set[tuple[int, ...]]) -> set[tuple[int, ...]]:
    """The places without anything before their last neighbour: the browser would close ranks."""
    return {
        (*place[:-1], before)
        for place in places
        for before in range(place[-1])
        if (*place[:-1], before) not in places
    }


@pytest.mark.parametrize("name", ["chat_page", "playground_page", "server_page", "presenter_page"])
@pytest.mark.parametrize("away", [False, True])
def test_a_part_that_runs_again_leaves_no_gap(
    server: Upstream, sent: list[ForwardMsg], name: str, away: bool
) -> None:
    if away:
        server.routes["/api/v1/models"] = (500, {})
    assert not AppTest.from_function(page, default_timeout=20, args=(name,)).run().exception
    parts = {message.delta.fragment_id for message in sent} - {""}
    assert parts
    for part in ["none of them", *parts]:
        assert gaps(places_left(sent, part)) == set()


def page_in_a_container() -> None:
    """As in the thread of a part that stood in one."""
    import runpy

    import streamlit as st

    from tests.streamlit_ui.test_app import SCRIPT

    with st.container():
        runpy.run_path(SCRIPT)


def test_a_page_begins_at_the_top_wherever_a_part_was_drawn(
    server: Upstream, sent: list[ForwardMsg]
) -> None:
    assert server
    assert not AppTest.from_function(page_in_a_container).run().exception
    titles = [
        message.metadata.delta_path
        for message in sent
        if message.delta.new_element.WhichOneof("type") == "heading"
    ]
    assert [place for place in titles if place[:2] == [0, 0]] == []
    assert titles
