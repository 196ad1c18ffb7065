"""A round of the Playground: its answers side by side, while they come and when they are there.

Owns: the panes, the marks where answers part, the vote. Who is asked what is `playground_setup`'s.

One loop draws all panes, not a parallel fragment each (`st.fragment(parallel=True)`). The answers
come at the same time either way; fragments would share out the drawing alone. Built so, drawing on
a common beat, and measured with four answers of 300 tokens at 50 a second, medians of five rounds,
fragments against loop: the browser's main thread worked 5.8 s against 5.5 s, 343 KB came down
against 317, the lag was 54 ms against 53 at p50 and 111 against 109 at p99, the service's CPU was
the same. But one of 20 visits with two rounds each ended with a page without its answers (Streamlit
1.67.0), and none of 36 with the loop.
"""

from __future__ import annotations

import html
import time

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from chat_client import Pane, Round, Verdict, blocking, cast, no_vote_because, verdicts
from streamlit_ui import look
from streamlit_ui.answer_view import (
    POLL_S,
    Screen,
    body,
    rest_of_frame,
    stopping_with_the_script,
)
from streamlit_ui.leaderboard_view import forget_votes
from streamlit_ui.prose import for_page
from streamlit_ui.resources import room

FRAME_S = 0.036  # Several panes at once cost the browser more than one answer.
HIDDEN = "speed and tokens are shown with the name"


def show(round_: Round, *, mark: bool) -> None:
    """Draws a round; returns when nothing of it is under way any more."""
    with st.container(key="asked-all"), st.chat_message("user", avatar=look.PERSON):
        st.markdown(for_page(round_.prompt).replace("\n", "  \n"))
    places = [
        column.container(border=True, key=f"pane-{number}")
        for number, column in enumerate(st.columns(len(round_.panes)))
    ]
    below = st.empty()
    if round_.open:
        below.empty()  # At once: Streamlit would leave the last round's vote until the end.
    for pane, place in zip(round_.panes, places, strict=True):
        place.markdown(f"**{for_page(round_.name(pane))}**")
    if round_.open:
        _follow(round_, places)
        st.rerun()
    parts = round_.parted()
    for pane, place, part in zip(round_.panes, places, parts, strict=True):
        with place:
            if mark and pane.entry.text:
                _parted(*part)
            else:
                body(pane.entry)
            _ending(round_, pane)
    with below.container():
        _say_where_they_part(round_, parts)
        _vote(round_)


def _follow(round_: Round, places: list[DeltaGenerator]) -> None:
    """All panes in one loop: their answers come in the background, so one frame draws them all."""
    screens = []
    for place in places:
        with place:
            screens.append(Screen())
    ended: set[int] = set()
    with stopping_with_the_script(round_.stop):
        while round_.open:
            changed = round_.take()
            taken_at = time.monotonic()
            # Reading the session's state is where Streamlit notices Stop while nothing is drawn.
            _ = "round" in st.session_state
            for number, (pane, screen) in enumerate(zip(round_.panes, screens, strict=True)):
                screen.update(pane.entry, round_.waiting(pane))
                if not pane.reply.open and number not in ended:
                    ended.add(number)
                    with places[number]:
                        _ending(round_, pane)
            time.sleep(rest_of_frame(taken_at, FRAME_S) if changed else POLL_S)


def _ending(round_: Round, pane: Pane) -> None:
    if pane.entry.error is not None:
        st.error(for_page(str(pane.entry.error)), icon=":material/error:")
    parts = [round_.numbers(pane), "" if round_.revealed else HIDDEN]
    st.caption(for_page(" · ".join(part for part in parts if part)))


def _parted(same: str, rest: str) -> None:
    """Plain text, escaped: what is shared, then what is not."""
    marked = f"<mark>{html.escape(rest)}</mark>" if rest else ""
    st.html(f'<div class="lectern-parted">{html.escape(same)}{marked}</div>')


def _say_where_they_part(round_: Round, parts: list[tuple[str, str]]) -> None:
    """The same in words, for everybody who does not see the marks."""
    if any(not pane.entry.text for pane in round_.panes):
        return
    if not any(rest for _, rest in parts):
        st.caption("All answers are the same, to the last character.")
        return
    words = len(parts[0][0].split())
    if words:
        st.caption(f"They begin with the same {words} {'word' if words == 1 else 'words'}.")
    else:
        st.caption("They part at the first word.")


def _vote(round_: Round) -> None:
    """The ballot, or what became of it."""
    problem = no_vote_because(round_)
    if round_.verdict is not None:
        words = dict(verdicts(round_))[round_.verdict]
        st.success(f"You voted: {words}.", icon=":material/how_to_vote:")
        note = st.session_state.get("vote_note")
        if note:
            st.warning(for_page(note), icon=":material/cloud_off:")
    elif problem:
        st.caption(problem)
    else:
        st.markdown("**Which answer is better?**")
        with st.container(horizontal=True, key="ballot"):
            for verdict, words in verdicts(round_):
                st.button(words, key=f"vote-{verdict}", on_click=_cast, args=(round_, verdict))
    if not round_.revealed:
        st.button("Show the names without a vote", key="reveal", on_click=round_.reveal)


def _cast(round_: Round, verdict: Verdict) -> None:
    st.session_state["vote_note"] = blocking(cast(room(), round_, verdict))
    forget_votes()
