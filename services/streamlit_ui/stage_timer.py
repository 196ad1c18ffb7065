"""The presenter's timer, which runs in the browser alone and goes on while an answer comes.

Owns: starting, pausing and resetting it. A reload keeps it; another tab has its own.
"""

from __future__ import annotations

import streamlit as st

HTML = """
<button type="button" class="run" aria-label="Start or pause the timer" title="Start or pause">
  <span role="timer">0:00</span></button>
<button type="button" class="reset" aria-label="Set the timer to zero" title="To zero">↺</button>
"""
CSS = """
:host, div { display: inline-flex; align-items: center; }
button { all: unset; cursor: pointer; color: var(--st-text-color); font: 1.25rem var(--st-font);
  font-variant-numeric: tabular-nums; padding: 0.35rem 0.5rem; border-radius: 0.5rem; }
button:hover { color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); }
.run::before { content: "▶ "; font-size: 0.8em; }
.run[aria-pressed="true"]::before { content: "⏸ "; }
"""
JS = """
const read = name => Number(sessionStorage.getItem("lectern-timer-" + name) || 0);
const write = (name, value) => sessionStorage.setItem("lectern-timer-" + name, String(value));

export default function ({parentElement}) {
  const run = parentElement.querySelector(".run");
  const shown = run.querySelector("span");
  const draw = () => {
    const since = read("since");
    const seconds = Math.floor((read("before") + (since ? Date.now() - since : 0)) / 1000);
    const text = Math.floor(seconds / 60) + ":" + String(seconds % 60).padStart(2, "0");
    if (shown.textContent !== text) shown.textContent = text;
    run.setAttribute("aria-pressed", String(Boolean(since)));
  };
  run.onclick = () => {
    const since = read("since");
    if (since) write("before", read("before") + Date.now() - since);
    write("since", since ? 0 : Date.now());
    draw();
  };
  parentElement.querySelector(".reset").onclick = () => {
    write("before", 0);
    write("since", read("since") ? Date.now() : 0);
    draw();
  };
  draw();
  const beat = setInterval(draw, 250);
  return () => clearInterval(beat);
}
"""

_timer = st.components.v2.component("stage_timer", html=HTML, css=CSS, js=JS)


def stage_timer() -> None:
    """Draws the timer."""
    _timer(key="stage_timer", width="content")
