"""A round of the Playground: its answers side by side, the marks where they part, and the vote.

Owns: the page's place for a round, under way or ended. How the answers are drawn while they come is
`playground_panes`'; who is asked what is `playground_setup`'s.
"""

from __future__ import annotations

import html

import streamlit as st

from chat_client import Round, Verdict, blocking, cast, no_vote_because, verdicts
from streamlit_ui import look
from streamlit_ui.answer_view import body
from streamlit_ui.leaderboard_view import forget_votes
from streamlit_ui.playground_panes import ending, follow
from streamlit_ui.prose import for_page
from streamlit_ui.resources import room


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
        follow(round_, places)
        st.rerun()
    parts = round_.parted()
    for pane, place, part in zip(round_.panes, places, parts, strict=True):
        with place:
            if mark and pane.entry.text:
                _parted(*part)
            else:
                body(pane.entry)
            ending(round_, pane)
    with below.container():
        _say_where_they_part(round_, parts)
        _vote(round_)


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
