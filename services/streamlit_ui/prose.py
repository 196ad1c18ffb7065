"""Makes a model's Markdown fit for the page: it may format, but not fetch or paint.

Owns: the few rewrites before `st.markdown`. An image would make the browser ask whatever host the
model names; a lone dollar sign would turn prices into formulas. Code is never touched. Raw HTML is
shown as text by Streamlit itself.
"""

from __future__ import annotations

import re

FENCED_OR_INLINE_CODE = re.compile(
    r"(^ {0,3}(?P<fence>`{3,}|~{3,})[^\n]*\n.*?(?:^ {0,3}(?P=fence)[`~]*[ \t]*$|\Z)"
    r"|(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`))",
    re.MULTILINE | re.DOTALL,
)
IMAGE = re.compile(r"!(?=\[)")
FORMULA = re.compile(r"\$\$.+?\$\$|\$(?![\s$])(?:[^$\n]*[^\s$\\])?\$(?!\d)", re.DOTALL)
COLOUR = re.compile(r":(?=[a-z]+(?:-[a-z]+)?\[|material/|streamlit:|small\[)")


def for_page(markdown: str) -> str:
    """The same text with images as links and dollar signs as dollars."""
    pieces = []
    position = 0
    for code in FENCED_OR_INLINE_CODE.finditer(markdown):
        pieces += [_outside_code(markdown[position : code.start()]), code.group()]
        position = code.end()
    return "".join([*pieces, _outside_code(markdown[position:])])


def _outside_code(text: str) -> str:
    pieces = []
    position = 0
    for formula in FORMULA.finditer(text):
        pieces += [_outside_formula(text[position : formula.start()]), formula.group()]
        position = formula.end()
    return "".join([*pieces, _outside_formula(text[position:])])


def _outside_formula(text: str) -> str:
    text = IMAGE.sub("", text)
    text = COLOUR.sub(r"\\:", text)
    return re.sub(r"(?<!\\)\$", r"\\$", text)
