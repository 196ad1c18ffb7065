"""Parts of a page that run again by themselves, without the rest of it.

Owns: keeping such a part (a fragment) to its own place. Streamlit 1.67.0 has two ways of losing
that. When a timer runs a part before the browser has got the last run of the whole page, Streamlit
takes back what that run sent for the part, with its place: what stands below closes ranks, and the
part's next run lands on its neighbour, an answer for example. And a part leaves its place behind
for the next run of the same thread, which would draw the whole page there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import streamlit as st
from streamlit.delta_generator_singletons import context_dg_stack, get_default_dg_stack_value

P = ParamSpec("P")


def every(seconds: float | None) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Draws a part of the page, and it alone again after so many seconds; None: only with the page.

    It gets a container around it: the page's own, so that its place is never taken back.
    """

    def at_its_place(part: Callable[P, None]) -> Callable[P, None]:
        @wraps(part)
        def draw(*args: P.args, **kwargs: P.kwargs) -> None:
            with st.container():
                st.fragment(part, run_every=seconds)(*args, **kwargs)

        return draw

    return at_its_place


def start_at_the_top() -> None:
    """A run of the whole page begins: it draws at the top, wherever a part was drawn before."""
    context_dg_stack.set(get_default_dg_stack_value())
