"""Where a phone's page stands when it opens, and when answers begin side by side.

Owns: a script that is not seen. Streamlit keeps a page with a message box scrolled to its end,
which is right for a chat and hides how the Playground begins. So on a phone Streamlit is told that
the page stands at its end wherever it stands, and leaves it to this script and to the finger.
"""

from __future__ import annotations

import streamlit as st

JS = """
const SETTLED_MS = 6000;  // Parts of a page come one by one, some with the next look at the server.
const touches = ["pointerdown", "touchstart", "wheel", "keydown"];
const narrow = matchMedia("(max-width: 640px)");
const height = Object.getOwnPropertyDescriptor(Element.prototype, "scrollHeight").get;

const keep = page => Object.defineProperty(page, "scrollHeight", {
  configurable: true,
  get: () => narrow.matches ? page.scrollTop + page.offsetHeight : height.call(page),
});

const bring = (page, place, hold) => {
  const leave = () => { hold.until = 0; };
  for (const touch of touches) addEventListener(touch, leave, {once: true, capture: true});
  let last = 0;
  const step = () => {
    if (height.call(page) !== last && hold.until) {
      last = height.call(page);
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
  const page = document.querySelector('[data-testid="stAppScrollToBottomContainer"]');
  if (!page) return;
  keep(page);
  const last = holds.get(parentElement);
  const what = data.place + data.number;
  const until = data.growing ? Infinity : performance.now() + SETTLED_MS;
  if (last?.what === what) {
    if (last.until) last.until = until;
  } else {
    if (last) last.until = 0;
    const hold = {what, until};
    holds.set(parentElement, hold);
    if (narrow.matches) bring(page, data.place, hold);
  }
  return () => { delete page.scrollHeight; };  // Another page is shown.
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
