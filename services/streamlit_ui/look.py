"""How the page looks: Streamlit's theme in Lectern's colours, and the little CSS it cannot say.

Owns: colours, fonts (the system's own, so nothing is fetched), icons, the empty space on top.
Contrast of text against its background is at least 4.5 in both themes (WCAG AA).
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

ICON = Path(__file__).with_name("lectern.svg")
PERSON = ":material/person:"
MODEL = ":material/auto_stories:"

SYSTEM_FONT = (
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif'
)
MONO_FONT = 'ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace'

THEME: dict[str, object] = {
    "theme.font": SYSTEM_FONT,
    "theme.headingFont": SYSTEM_FONT,
    "theme.codeFont": MONO_FONT,
    "theme.headingFontSizes": ["1.9rem", "1.5rem", "1.25rem", "1.1rem", "1rem", "1rem"],
    "theme.baseRadius": "0.6rem",
    "theme.showWidgetBorder": True,
    "theme.light.primaryColor": "#9F4621",
    "theme.light.linkColor": "#9A4420",
    "theme.light.backgroundColor": "#FBFAF7",
    "theme.light.secondaryBackgroundColor": "#F2EFE8",
    "theme.light.textColor": "#1B2430",
    "theme.light.borderColor": "#DDD7CB",
    "theme.light.codeTextColor": "#7A3518",
    "theme.light.orangeColor": "#B4532A",
    "theme.light.grayBackgroundColor": "#F2EFE8",
    "theme.light.blueBackgroundColor": "#F1E9DD",
    "theme.light.blueTextColor": "#1B2430",
    "theme.light.sidebar.backgroundColor": "#F7F5F0",
    "theme.light.sidebar.secondaryBackgroundColor": "#FBFAF7",
    "theme.dark.primaryColor": "#F0A37A",
    "theme.dark.linkColor": "#F0A37A",
    "theme.dark.backgroundColor": "#14181D",
    "theme.dark.secondaryBackgroundColor": "#1E242B",
    "theme.dark.textColor": "#E8E6E1",
    "theme.dark.borderColor": "#353D47",
    "theme.dark.codeTextColor": "#F0A37A",
    "theme.dark.orangeColor": "#F0A37A",
    "theme.dark.grayBackgroundColor": "#1E242B",
    "theme.dark.blueBackgroundColor": "#232B34",
    "theme.dark.blueTextColor": "#E8E6E1",
    "theme.dark.sidebar.backgroundColor": "#1A2027",
    "theme.dark.sidebar.secondaryBackgroundColor": "#14181D",
}

CSS = """
<style>
/* Streamlit leaves room for a toolbar that this page does not have. */
[data-testid="stMainBlockContainer"] { padding-top: 3.5rem; max-width: 52rem; }
[data-testid="stBottomBlockContainer"] { max-width: 52rem; padding: 0.5rem 1rem 1.5rem; }
[data-testid="stBottomBlockContainer"] [data-testid="stVerticalBlock"] { gap: 0.3rem; }
[data-testid="stSidebarHeader"] { height: 2.5rem; margin-bottom: 0; }
[data-testid="stSidebarUserContent"] { padding-top: 0; padding-bottom: 1rem; }
[data-testid="stSidebar"] [data-testid="stVerticalBlock"] { gap: 0.4rem; }
[data-testid="stSidebar"] [data-testid="stCaptionContainer"] { margin: -0.2rem 0 0.1rem; }
[data-testid="stSidebar"] [data-testid="stCaptionContainer"] p { line-height: 1.4; }
[data-testid="stSidebar"] [data-testid="stSlider"] { margin-bottom: -1.1rem; }
/* Streamlit fades both to 60 %, which is too pale to read (AA asks for 4.5 : 1). */
[data-testid="stCaptionContainer"] { opacity: 0.8; }
textarea::placeholder, input::placeholder { color: currentColor !important; opacity: 0.7; }
/* What the person wrote is set off by a tint of the text's own colour. */
[class*="st-key-asked-"] [data-testid="stChatMessage"] {
  background: color-mix(in srgb, currentColor 6%, transparent); }
/* Long words and addresses of an answer must not widen a phone's page. */
[data-testid="stChatMessageContent"] { overflow-wrap: anywhere; min-width: 0; }
[data-testid="stAlert"] code { font-size: 0.9em; color: inherit; }
/* Streamlit's colours of code are too pale on either background: mixed with the text's own. */
.stApp [data-testid="stCode"] .token:is(.keyword, .tag, .function, .class-name, .selector) {
  color: color-mix(in srgb, #1c83e1 60%, currentColor); }
.stApp [data-testid="stCode"] .token:is(.string, .char, .attr-value, .attr-name, .number, .regex,
  .boolean, .constant, .symbol, .variable, .property, .builtin, .inserted) {
  color: color-mix(in srgb, #1aa37a 55%, currentColor); }
.stApp [data-testid="stCode"] .token:is(.operator, .entity, .decorator, .atrule, .url, .important,
  .deleted) { color: color-mix(in srgb, #d9730d 55%, currentColor); }
.stApp [data-testid="stCode"] .token:is(.comment, .punctuation, .prolog, .doctype, .cdata,
  .unchanged) {
  color: color-mix(in srgb, currentColor 75%, transparent); }
/* Under the pointer they would turn a shade of the accent that is too dark for a dark page. */
.stApp button[kind="tertiary"]:is(:hover, :focus, :active) { color: inherit; }
.stApp button[kind="tertiary"]:hover {
  background: color-mix(in srgb, currentColor 8%, transparent); }
/* A model's name and its facts belong together. */
[class*="st-key-model-"] { margin-bottom: -1rem; }
[class*="st-key-model-"] button > *, .st-key-picker button > *,
[class*="st-key-open-"] button > * {
  width: 100%; min-width: 0; justify-content: flex-start; text-align: start; }
.st-key-picker [data-testid="stMarkdownContainer"] { flex: 1; text-align: start; }
/* A chat's name fills its row; the one that is shown is set off by a tint. */
[class*="st-key-chat-row-"] { flex-wrap: nowrap !important; border-radius: 0.5rem;
  padding: 0 0.4rem; margin: 0 -0.4rem; }
[class*="st-key-chat-row-shown-"] {
  background: color-mix(in srgb, currentColor 8%, transparent); }
[class*="st-key-chat-row-"] > :first-child { flex: 1 1 0; min-width: 0; }
[class*="st-key-actions-"] { margin-top: -0.6rem; opacity: 0.85; }
[class*="st-key-actions-"] [data-testid="stFeedbackButton"][aria-checked="true"] * {
  font-variation-settings: "FILL" 1; }
/* Beside the copy button's picture and the thumbs those of words would be half as big. */
[class*="st-key-actions-"] button [role="img"] { font-size: 1.2rem; }
/* On a phone the text needs the width that the pictures beside it would take. */
@media (max-width: 640px) {
  [data-testid="stChatMessage"] > [data-testid^="stChatMessageAvatar"] { display: none; }
}
/* How full the context is: system prompt, history, files, room for the answer. */
.lectern-context { display: flex; height: 6px; border-radius: 3px; overflow: hidden;
  background: color-mix(in srgb, currentColor 14%, transparent); }
.lectern-context i:nth-child(1) { background: #7D6BB3; }
.lectern-context i:nth-child(2) { background: #C8673C; }
.lectern-context i:nth-child(3) { background: #2F8F78; }
.lectern-context i:nth-child(4) { background: color-mix(in srgb, currentColor 38%, transparent); }
/* Where answers of the Playground part, in plain text. */
.lectern-parted { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.6; }
.lectern-parted mark { color: inherit; border-radius: 0.2rem;
  background: color-mix(in srgb, #D9772F 28%, transparent); }
/* A log's rows stay rows: the table scrolls sideways in its frame. */
.st-key-requests table { white-space: nowrap; font-size: 0.85rem; }
.st-key-requests [data-testid="stMarkdownContainer"] { overflow-x: auto; }
/* A part that only watches (`timer`) takes no room. */
[data-testid="stLayoutWrapper"]:has(> [data-testid="stVerticalBlock"]:empty) { display: none; }
/* Drawn only so that the browser has the code highlighter before an answer needs it. */
.st-key-early-code { position: absolute; width: 1px; height: 1px; overflow: hidden;
  visibility: hidden; }
/* Work without being seen: scripts, and a button that only its key presses. */
.st-key-browser-part, .st-key-phone-scroll, .st-key-open_picker {
  position: absolute; visibility: hidden; }
/* While a file is dragged over the page. */
body.lectern-drop .stApp { outline: 4px dashed currentColor; outline-offset: -8px; }
/* Nobody has these keys on a phone, and one's own button needs no hint on the small ones. */
[class*="st-key-actions-"] kbd { display: none; }
@media (hover: none) { .stApp kbd { display: none; } }
</style>
"""


WIDE = """
<style>
[data-testid="stMainBlockContainer"] { max-width: 84rem; }
</style>
"""


def widen() -> None:
    """Gives a page the room that things side by side need."""
    st.html(WIDE)


def dress() -> None:
    """Adds the CSS to the running page, and loads early what an answer may need at once."""
    st.html(CSS)
    with st.container(key="early-code"):
        st.code("pass", language="python")
