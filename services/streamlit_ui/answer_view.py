"""Draws one reply: while it comes, and when it is complete.

Owns: the throttle, the frozen blocks, the folded thinking, the line of numbers, and that Stop
reaches the model. Nothing here knows of the rest of the page.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import streamlit as st
from streamlit import runtime
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import RerunException, get_script_run_ctx

from chat_client import Entry
from chat_client.blocks import Blocks
from chat_client.reply import Reply
from chat_client.waiting import Waiting
from streamlit_ui.prose import for_page

# About 25 pictures a second look smooth, and the browser keeps up at any speed. What comes while
# the last one is young waits for the next piece after that, STEP_S at most: so the pictures fall
# into step with the pieces, and hardly one waits for long.
FRAME_S, STEP_S = 0.03, 0.015
POLL_S = 0.02  # How late Stop may be noticed while nothing comes.
SETTLE_S = 0.1
PATIENCE_S = 8.0  # After this long without a token the page says why that may be.
UNIT = re.compile(r"(\d) (?=[a-z])")
THINKING = ":material/neurology:"


def draw(entry: Entry) -> None:
    """An answer that has ended, with its numbers."""
    body(entry)
    if entry.error is not None:
        st.error(for_page(str(entry.error)), icon=":material/error:")
    st.caption(numbers(entry))


def body(entry: Entry) -> None:
    """What an answer says."""
    if entry.reasoning:
        seconds = entry.reasoning_s or 0.0
        with st.expander(f"Thinking · {seconds:.0f} s", icon=THINKING):
            st.markdown(for_page(entry.reasoning))
    if entry.text:
        st.markdown(for_page(entry.text))
    for call in entry.tool_calls:
        with st.expander(f"Wants to call {for_page(call.name)}", icon=":material/build:"):
            st.code(call.arguments, language="json")


def numbers(entry: Entry) -> str:
    """The line under an answer."""
    # A number stays on one line with its unit.
    return for_page(UNIT.sub("\\1\N{NO-BREAK SPACE}", entry.line))


def follow(reply: Reply, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Draws a reply while it comes and returns at its end; `meanwhile` is called now and then.

    Streamlit ends a script from within. A click elsewhere reruns it, and the next run follows the
    same reply further; Stop stops the model. A reload or a closed tab does not yet: the page may
    come back, and an answer that nobody reads for CHAT_ABANDONED_S seconds ends by itself.
    """
    screen = Screen()
    more = False  # came since the last picture
    with stopping_with_the_script(reply.stop):
        while reply.open or more:
            changed = reply.take(STEP_S if more else POLL_S) or more
            taken_at = time.monotonic()
            # Reading the session's state is where Streamlit notices Stop while nothing is drawn.
            _ = "question" in st.session_state
            screen.update(reply.entry, reply.waiting)
            meanwhile()
            more = False
            if changed:
                time.sleep(rest_of_frame(taken_at))
                more = reply.take(0)


def rest_of_frame(taken_at: float, frame_s: float = FRAME_S) -> float:
    """Drawing is part of the frame, unless that would leave nobody else a turn."""
    return max(frame_s / 2, taken_at + frame_s - time.monotonic())


@contextmanager
def stopping_with_the_script(stop: Callable[[], None]) -> Iterator[None]:
    """Calls `stop` when the person has ended the script; not when the page is drawn anew."""
    try:
        yield
    except RerunException:
        raise
    except BaseException:
        if not _page_has_gone():
            stop()
        raise


def _page_has_gone() -> bool:
    """True when the script was ended because its browser has left, and not by Stop.

    Streamlit ends the script and forgets the session in one step of its event loop, which this
    thread may come in the middle of: what is asked of the loop now is done after that step.
    """
    context = get_script_run_ctx()
    if context is None or not runtime.exists():
        return False
    streamlit = runtime.get_instance()
    after = threading.Event()
    with suppress(RuntimeError):  # The loop has ended, and with it every session.
        streamlit._get_async_objs().eventloop.call_soon_threadsafe(after.set)
        after.wait(SETTLE_S)
    return not streamlit.is_active_session(context.session_id)


class Screen:
    """The elements of one reply under way."""

    def __init__(self) -> None:
        self._thinking = st.empty()
        self._thoughts: DeltaGenerator | None = None
        self._body = st.container()
        self._tail = self._body.empty()
        self._blocks = Blocks()
        self._drawn: tuple[int, int] = (0, 0)
        self._waiting_line = ""

    def update(self, entry: Entry, waiting: Waiting) -> None:
        size = (len(entry.reasoning), len(entry.text))
        if size == (0, 0):
            self._wait(entry, waiting)
            return
        if size == self._drawn:
            return
        if size[0] != self._drawn[0]:
            self._think(entry.reasoning)
        if size[1] != self._drawn[1]:
            self._write(entry.text)
        self._drawn = size

    def _wait(self, entry: Entry, waiting: Waiting) -> None:
        waited_s = time.monotonic() - entry.asked_at
        line = waiting.line
        if waiting.place:
            line += " · your turn comes by itself"
        if not line:
            line = "Waiting for the first token"
            if waited_s >= 1:
                line += f" · {waited_s:.0f} s"
            if waited_s >= PATIENCE_S:
                line += " · the server may be loading the model, or busy with other questions"
        if line != self._waiting_line:
            self._tail.caption(line)
            self._waiting_line = line

    def _think(self, reasoning: str) -> None:
        if self._thoughts is None:
            self._tail.empty()
            self._thoughts = self._thinking.expander("Thinking…", icon=THINKING).empty()
        self._thoughts.markdown(for_page(reasoning))

    def _write(self, text: str) -> None:
        # Few messages a picture: Streamlit may send the first at once and the next ten
        # milliseconds later. What is written to the body itself stands below what there is.
        for block in self._blocks.finished(text):
            self._tail.markdown(for_page(block))
            self._tail = self._body
        rest = self._blocks.tail(text)
        if rest or self._tail is not self._body:
            self._tail = self._tail.markdown(for_page(rest))
