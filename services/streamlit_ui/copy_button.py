"""A button that copies an answer as the model wrote it, Markdown and all.

Owns: the button, which works in the browser alone: a click makes no run of the page, so it may be
used while another answer comes. Not the page's look; that is `look`'s.
"""

from __future__ import annotations

import streamlit as st

HTML = """
<button type="button" aria-label="Copy this answer" title="Copy this answer">
  <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true" fill="none"
    stroke="currentColor" stroke-width="1.8"><rect x="8" y="8" width="12" height="12" rx="2"/>
    <path d="M16 8V6a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v8a2 2 0 0 0 2 2h2"/></svg>
  <span role="status"></span>
</button>
"""
CSS = """
button { all: unset; cursor: pointer; display: inline-flex; align-items: center; gap: 0.3rem;
  padding: 0.35rem 0.4rem; border-radius: 0.5rem; color: var(--st-text-color);
  font: 0.85rem var(--st-font); }
button:hover { color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); }
"""
# Outside of localhost a page without HTTPS has no clipboard of its own: there the old way is left.
JS = """
export default function ({data, parentElement}) {
  const button = parentElement.querySelector("button");
  const told = button.querySelector("span");
  const old_way = () => {
    const area = document.createElement("textarea");
    area.value = data.text;
    area.style.cssText = "position: fixed; opacity: 0";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };
  button.onclick = async () => {
    let done = false;
    try {
      await navigator.clipboard.writeText(data.text);
      done = true;
    } catch { done = old_way(); }
    button.focus();
    told.textContent = done ? "Copied" : "The browser does not allow it";
    setTimeout(() => { told.textContent = ""; }, 2000);
  };
}
"""

_button = st.components.v2.component("copy_answer", html=HTML, css=CSS, js=JS)


def copy_button(text: str, key: str) -> None:
    """Draws the button for `text`."""
    _button(data={"text": text}, key=key, width="content")
