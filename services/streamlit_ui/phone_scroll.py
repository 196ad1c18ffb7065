"""Where a phone's page stands when it opens, and when answers begin side by side.

Owns: a script that is not seen. Streamlit keeps a page with a message box scrolled to its end,
which is right for a chat and hides how the Playground begins.
"""

from __future__ import annotations

import streamlit as st

JS = """
const SETTLED_MS = 1500;  // Parts of a page come one by one, and each one moves its end.
const touches = ["pointerdown", "touchstart", "wheel", "keydown"];

const bring = place => {
  const page = document.querySelector('[data-testid="stAppScrollToBottomContainer"]');
  if (!page || !matchMedia("(max-width: 640px)").matches) return;
  const until = performance.now() + SETTLED_MS;
  let mine = true;
  const leave = () => { mine = false; };
  for (const touch of touches) addEventListener(touch, leave, {once: true, capture: true});
  const step = () => {
    if (!mine || performance.now() > until) return;
    const target = place ? document.querySelector(place) : null;
    const top = target ? target.getBoundingClientRect().top - page.getBoundingClientRect().top : 0;
    if (!place) page.scrollTop = 0;
    else if (target && Math.abs(top - 60) > 2) page.scrollTop += top - 60;
    requestAnimationFrame(step);
  };
  step();
};

const shown = new WeakMap();
export default ({data, parentElement}) => {
  if (shown.get(parentElement) === data.place + data.number) return;
  shown.set(parentElement, data.place + data.number);
  bring(data.place);
};
"""

_script = st.components.v2.component("phone_scroll", js=JS)


def bring_into_sight(place: str, number: str) -> None:
    """Scrolls to what this CSS selector names, or to the top; once for each `number`."""
    with st.container(key="phone-scroll"):
        _script(data={"place": place, "number": number}, key="phone_scroll")
