"""Draws one reply: while it comes, and when it is complete.

Owns: the throttle, the frozen blocks, the folded thinking, the line of numbers, and that Stop
reaches the model. Nothing here knows of the rest of the page.
"""

from __future__ import annotations

import re
import time

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import RerunException

from streamlit_ui.blocks import Blocks
from streamlit_ui.conversation import Reply
from streamlit_ui.prose import for_page

FRAME_S = 0.04  # 25 updates a second: smooth to the eye, and the browser keeps up at any speed.
POLL_S = 0.02  # How late Stop may be noticed while nothing comes.
PATIENCE_S = 8.0  # After this long without a token the page says why that may be.
UNIT = re.compile(r"(\d) (?=[a-z])")
THINKING = ":material/neurology:"


def draw(reply: Reply) -> None:
    """A reply that has ended."""
    if reply.reasoning:
        seconds = reply.reasoning_s or 0.0
        with st.expander(f"Thinking · {seconds:.0f} s", icon=THINKING):
            st.markdown(for_page(reply.reasoning))
    if reply.text:
        st.markdown(for_page(reply.text))
    if reply.error is not None:
        st.error(for_page(str(reply.error)), icon=":material/error:")
    st.caption(numbers(reply))


def numbers(reply: Reply) -> str:
    """The line under a reply: its speed, and how it ended when that is not the usual way."""
    parts = [reply.stats.line] if reply.stats and reply.stats.line else []
    if reply.stopped:
        parts.append(
            "stopped by you"
            if reply.text or reply.reasoning
            else "stopped by you, before the first token"
        )
    if reply.stats and reply.stats.finish_reason == "length":
        parts.append("ended by the limit on tokens")
    answered_by = reply.stats.model if reply.stats else reply.model
    if answered_by != reply.model:
        parts.append(f"answered by {answered_by}, not {reply.model}")
    else:
        parts.append(reply.model)
    # A number stays on one line with its unit.
    return for_page(UNIT.sub("\\1\N{NO-BREAK SPACE}", " · ".join(parts)))


def follow(reply: Reply) -> None:
    """Draws a reply while it comes and returns at its end.

    Streamlit ends a script from within: a click elsewhere reruns it, and the next run follows the
    same reply further; Stop, a reload or a closed tab stop it, and then the model must stop too.
    """
    screen = _Screen()
    try:
        while reply.open:
            changed = reply.take(POLL_S)
            # Reading the session's state is where Streamlit notices Stop while nothing is drawn.
            _ = "question" in st.session_state
            screen.update(reply)
            if changed:
                time.sleep(FRAME_S)
    except RerunException:
        raise
    except BaseException:
        reply.stop()
        raise


class _Screen:
    """The elements of one reply under way."""

    def __init__(self) -> None:
        self._thinking = st.empty()
        self._thoughts: DeltaGenerator | None = None
        self._body = st.container()
        self._tail = self._body.empty()
        self._blocks = Blocks()
        self._drawn: tuple[int, int] = (0, 0)
        self._waiting_line = ""

    def update(self, reply: Reply) -> None:
        size = (len(reply.reasoning), len(reply.text))
        if size == (0, 0):
            self._wait(reply)
            return
        if size == self._drawn:
            return
        if size[0] != self._drawn[0]:
            self._think(reply.reasoning)
        if size[1] != self._drawn[1]:
            self._write(reply.text)
        self._drawn = size

    def _wait(self, reply: Reply) -> None:
        waited_s = time.monotonic() - reply.asked_at
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
        for block in self._blocks.finished(text):
            self._tail.markdown(for_page(block))
            self._tail = self._body.empty()
        self._tail.markdown(for_page(self._blocks.tail(text)))
