"""The text of a PDF file, within bounds of pages and time.

Owns: the use of pypdf, a PDF's traps (a password, scanned pages, a broken file) and their
sentences. It blocks: call it in a thread. Nothing in a PDF is run or fetched.
"""

from __future__ import annotations

import io
import logging
import time

import pypdf

from chat_client.errors import ChatError

MOST_PAGES = 200
MOST_SECONDS = 20.0
MOST_CHARS = 400_000

logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it tells every slip of a file


def pdf_text(name: str, data: bytes) -> tuple[str, str]:
    """The text of all pages, and what was left out of it (empty: nothing); raises ChatError."""
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        locked = reader.is_encrypted and not reader.decrypt("")
        total = 0 if locked else len(reader.pages)
        pages = _pages(reader, min(total, MOST_PAGES))
    except Exception as error:  # a broken file can fail anywhere in the parser, and in any way
        sentence = f"{name} cannot be read: the PDF file is damaged."
        raise ChatError(sentence, "Attach another copy.") from error
    if locked:
        raise ChatError(f"{name} is locked with a password.", "Attach a copy without one.")
    text = "\n\n".join(page.strip() for page in pages if page.strip())
    if not text:
        raise ChatError(
            f"{name} holds no text: its pages are probably pictures of paper.",
            "Run text recognition over it first, or attach the page as a picture.",
        )
    note = "" if len(pages) == total else f"only its first {len(pages)} of {total} pages"
    return text, note


def _pages(reader: pypdf.PdfReader, most: int) -> list[str]:
    deadline = time.monotonic() + MOST_SECONDS
    pages: list[str] = []
    chars = 0
    for number in range(most):
        if time.monotonic() > deadline or chars > MOST_CHARS:
            break
        pages.append(reader.pages[number].extract_text())
        chars += len(pages[-1])
    return pages
