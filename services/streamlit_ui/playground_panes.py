"""The panes of a Playground's round while its answers come, each a parallel fragment.

Owns: who does what meanwhile. A pane's thread only watches: it draws what has come and can stop
nothing. The script's own thread takes in what comes and strikes a beat, on which all panes draw, so
that the browser gets one update and not one a pane. That thread alone hears of Stop and of a click
that draws the page anew, and can tell them apart.
"""

from __future__ import annotations

import threading
import time
from contextlib import closing

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from chat_client import Pane, Round
from streamlit_ui.answer_view import POLL_S, Screen, rest_of_frame, stopping_with_the_script
from streamlit_ui.prose import for_page

FRAME_S = 0.036  # Several panes at once cost the browser more than one answer.
HIDDEN = "speed and tokens are shown with the name"


def follow(round_: Round, places: list[DeltaGenerator]) -> None:
    """Draws the answers as they come, one in each place; returns when the last one has ended.

    Streamlit waits for the panes' threads when the script ends.
    """
    beat = _Beat()
    with stopping_with_the_script(round_.stop), closing(beat):
        for pane, place in zip(round_.panes, places, strict=True):
            with place:
                _watch(round_, pane, beat)
        while round_.open:
            changed = round_.take()
            taken_at = time.monotonic()
            beat.strike()
            # Reading the session's state is where Streamlit notices Stop: nothing is drawn here.
            _ = "round" in st.session_state
            time.sleep(rest_of_frame(taken_at, FRAME_S) if changed else POLL_S)


def ending(round_: Round, pane: Pane) -> None:
    """What stands below an answer that has ended."""
    if pane.entry.error is not None:
        st.error(for_page(str(pane.entry.error)), icon=":material/error:")
    parts = [round_.numbers(pane), "" if round_.revealed else HIDDEN]
    st.caption(for_page(" · ".join(part for part in parts if part)))


class _Beat:
    """When all panes draw. One thread strikes it, any number wait for it."""

    def __init__(self) -> None:
        self._struck = threading.Condition()
        self._count = 0
        self.over = False

    def strike(self) -> None:
        """Now."""
        with self._struck:
            self._count += 1
            self._struck.notify_all()

    def after(self, count: int) -> int:
        """Waits for a beat after that one, or for the end; the number of the newest."""
        with self._struck:
            self._struck.wait_for(lambda: self._count > count or self.over)
            return self._count

    def close(self) -> None:
        """Lets everybody go who waits."""
        with self._struck:
            self.over = True
            self._struck.notify_all()


@st.fragment(parallel=True)
def _watch(round_: Round, pane: Pane, beat: _Beat) -> None:
    """One answer under way: what goes wrong in drawing it leaves the others alone."""
    screen, beats, ended = Screen(), 0, False
    while not ended and not beat.over:
        ended = not pane.reply.open  # Asked first: what came until then is drawn below.
        screen.update(pane.entry, round_.waiting(pane))
        if not ended:
            beats = beat.after(beats)
    if ended:
        ending(round_, pane)
