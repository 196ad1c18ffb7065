"""What was attached to a question, as it stands above it: pictures to see, texts to unfold.

Owns their words. Nothing of a name or a text is taken for markup.
"""

from __future__ import annotations

import re

from chat_client import Entry, TextFile
from gradio_ui.bubble import Bubble, code_block, folded
from gradio_ui.pictures import Pictures

SHOWN_CHARS = 4_000  # of a file's text; the model gets all of it


def attachments(entry: Entry, pictures: Pictures | None) -> list[Bubble]:
    """A bubble for each, pictures first."""
    seen = [
        _picture(image.name, pictures.address(entry, number))
        for number, image in enumerate(entry.images)
        if pictures is not None
    ]
    return seen + [_file(file) for file in entry.files]


def _picture(name: str, address: str) -> Bubble:
    return folded(f"Picture: {_plain(name)}", f"![{_plain(name)}]({address})")


def _file(file: TextFile) -> Bubble:
    text, rest = file.text[:SHOWN_CHARS], len(file.text) - SHOWN_CHARS
    more = f"\n\n… and {rest:,} characters more." if rest > 0 else ""
    note = f", {file.note}" if file.note else ""
    title = f"File: {_plain(file.name)} · about {file.tokens:,} tokens{note}"
    return folded(title, code_block(text, "text") + more, status="done")


def _plain(name: str) -> str:
    """A file's name without what Markdown would take for marks."""
    return re.sub(r"[^\w .-]", " ", name)
