"""Where a phone's page stands when it opens, and when answers begin side by side.

Owns: a script that is not seen. Streamlit keeps a page with a message box scrolled to its end,
which is right for a chat and hides how the Playground begins.
"""

from __future__ import annotations

import streamlit as st

JS = """
const SETTLED_MS = 6000;  // Parts of a page come one by one, some with the next look at the server.
const touches = ["pointerdown", "touchstart", "wheel", "keydown"];

const bring = (place, hold) => {
  const page = document.querySelector('[data-testid="stAppScrollToBottomContainer"]');
  if (!page || !matchMedia("(max-width: 640px)").matches) return;
  const leave = () => { hold.until = 0; };
  for (const touch of touches) addEventListener(touch, leave, {once: true, capture: true});
  let height = 0;
  const step = () => {
    if (page.scrollHeight !== height && hold.until) {
      height = page.scrollHeight;
      hold.until = Math.max(hold.until, performance.now() + SETTLED_MS);
    }
    if (performance.now() > hold.until) return;
    const target = place ? document.querySelector(place) : null;
    const top = target ? target.getBoundingClientRect().top - page.getBoundingClientRect().top : 0;
    if (!place) page.scrollTop = 0;
    else if (target && Math.abs(top - 60) > 2) page.scrollTop += top - 60;
    requestAnimationFrame(step);
  };
  step();
};

const holds = new WeakMap();
export default ({data, parentElement}) => {
  const last = holds.get(parentElement);
  const what = data.place + data.number;
  const until = data.growing ? Infinity : performance.now() + SETTLED_MS;
  if (last?.what === what) {
    if (last.until) last.until = until;
    return;
  }
  if (last) last.until = 0;
  const hold = {what, until};
  holds.set(parentElement, hold);
  bring(data.place, hold);
};
"""

_script = st.components.v2.component("phone_scroll", js=JS)


def bring_into_sight(place: str, number: str, *, growing: bool) -> None:
    """Scrolls to what this CSS selector names, or to the top; once for each `number`.

    It stays there for a moment, and as long as what is below is `growing`; a touch ends that.
    """
    with st.container(key="phone-scroll"):
        data = {"place": place, "number": number, "growing": growing}
        _script(data=data, key="phone_scroll")
