"""How presenter mode looks: big type, nothing beside it, all of it on a projector's first screen.

Owns: the CSS of this page alone. Sizes grow with the window, so that a wall shows as much as a
laptop; the navigation comes back under the pointer or with Tab, and stays on a phone.
"""

from __future__ import annotations

import streamlit as st

CSS = """
<style>
[data-testid="stMainBlockContainer"] { max-width: none; padding: 1.2rem 3vw 1rem; }
[data-testid="stBottomBlockContainer"] { max-width: none; padding: 0.3rem 3vw 1rem; }
@media (min-width: 641px) {
  [data-testid="stSidebar"], [data-testid="stExpandSidebarButton"] { display: none; }
  [data-testid="stHeader"]:not(:hover, :focus-within) { opacity: 0; height: 1rem; min-height: 0;
    overflow: hidden; }
  /* A long answer scrolls; where we are and what was asked stay in sight. */
  [data-testid="stColumn"]:has(.st-key-stage-step) { position: sticky; top: 4.5rem;
    align-self: flex-start; }
  [data-testid="stLayoutWrapper"]:has(> .st-key-stage-bar) { position: sticky; top: 0; z-index: 5;
    backdrop-filter: blur(14px); padding: 0.6rem 0; }
}
/* A phone's header always stands there, as the way to the other pages: nothing goes below it. */
@media (max-width: 640px) { [data-testid="stMainBlockContainer"] { padding-top: 4rem; } }
.st-key-stage-bar [data-testid="stMarkdownContainer"] p { font-size: 1.1rem; margin: 0; }
.st-key-stage-step h1 { font-size: clamp(2rem, 4vw, 5rem); line-height: 1.1; padding: 0.4rem 0; }
.st-key-stage-step p, .st-key-stage-step li { font-size: clamp(1.15rem, 1.75vw, 2.4rem);
  line-height: 1.4; }
.st-key-stage-step [data-testid="stCode"] code { font-size: clamp(0.8rem, 1.15vw, 1.6rem); }
.st-key-stage-step [class*="st-key-prompt-"] button { padding: 0.6rem 1rem; }
.st-key-stage-step [class*="st-key-prompt-"] button > * { width: 100%; min-width: 0;
  justify-content: flex-start; text-align: start; }
.st-key-stage-step [class*="st-key-prompt-"] button p {
  font-size: clamp(1.05rem, 1.35vw, 1.9rem); text-align: start; }
.st-key-stage-answers [data-testid="stMarkdownContainer"] :is(p, li) {
  font-size: clamp(1.2rem, 1.9vw, 2.6rem); line-height: 1.45; }
.st-key-stage-answers [data-testid="stCaptionContainer"] p {
  font-size: clamp(0.95rem, 1.1vw, 1.5rem); }
[class*="st-key-scene-"] { border-inline-start: 0.3rem solid #B4532A;
  padding-inline-start: 1.2rem; }
.st-key-stage-keys { display: none; }
</style>
"""


def dress_stage() -> None:
    """Adds the CSS to this page; it goes when the page does."""
    st.html(CSS)
