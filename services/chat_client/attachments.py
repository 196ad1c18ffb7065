"""What a person attaches to a question: pictures as data URLs, files as text.

Owns: what each kind of file is told by, how large it may be, and the sentence for what cannot be
read. Token costs here are estimates; `context` learns the real ratio. PDFs are read by `pdf_text`.
"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from pathlib import PurePath

from chat_client.errors import ChatError

MIB = 1024 * 1024
MOST_IMAGE_BYTES = 5 * MIB  # as base64 it must fit into a message of 8 MiB
MOST_TEXT_BYTES = 1 * MIB
MOST_PDF_BYTES = 20 * MIB
MOST_TEXT_CHARS = 400_000
CHARS_PER_TOKEN = 4.0  # for English prose; code and other languages take more tokens
IMAGE_TOKENS = 600  # models differ widely: 256 to 1,500

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
# fmt: off
TEXT_ENDINGS = (
    ".txt", ".md", ".rst", ".log", ".csv", ".tsv", ".json", ".jsonl", ".yaml", ".yml", ".toml",
    ".ini", ".cfg", ".xml", ".html", ".css", ".tex", ".py", ".js", ".ts", ".tsx", ".jsx", ".java",
    ".kt", ".c", ".h", ".cpp", ".hpp", ".cs", ".go", ".rs", ".rb", ".php", ".swift", ".r", ".jl",
    ".lua", ".pl", ".sh", ".ps1", ".sql", ".ipynb", ".diff", ".patch", ".srt", ".vtt",
)
# fmt: on
ATTACHMENT_TYPES = (*IMAGE_ENDINGS, ".pdf", *TEXT_ENDINGS)


@dataclass(frozen=True, slots=True)
class Image:
    """A picture as the model server takes it; its content was checked, not only its name."""

    name: str
    media_type: str
    data_url: str
    size_bytes: int
    tokens: int = IMAGE_TOKENS


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file's text; `note` says what of it was left out, empty when nothing was."""

    name: str
    text: str
    size_bytes: int
    note: str = ""

    @property
    def tokens(self) -> int:
        return estimated_tokens(self.as_context)

    @property
    def as_context(self) -> str:
        """The text between two lines that name the file, so that the model can tell it apart."""
        return f"--- File: {self.name} ---\n{self.text}\n--- End of {self.name} ---"


Attachment = Image | TextFile


def estimated_tokens(text: str, chars_per_token: float = CHARS_PER_TOKEN) -> int:
    """About how many tokens a text takes."""
    return -int(-len(text) // chars_per_token)


def image_type(data: bytes) -> str | None:
    """The media type that the first bytes tell, None for what is no picture we can send."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return None


async def read_attachment(name: str, data: bytes) -> Attachment:
    """Turns an uploaded file into what can be sent; raises ChatError with what to do instead."""
    name = _plain_name(name)
    ending = PurePath(name).suffix.lower()
    if not data:
        raise ChatError(f"{name} is empty.", "Attach a file that holds something.")
    if image_type(data) is not None:
        return image(name, data)
    if data.startswith(b"%PDF-"):
        return await _pdf(name, data)
    if ending in IMAGE_ENDINGS or ending == ".pdf":
        kind = "a PDF file" if ending == ".pdf" else "a PNG, JPEG or WebP picture"
        raise ChatError(f"{name} is not {kind}, whatever its name says.", "Attach another file.")
    return await asyncio.to_thread(text_file, name, data)


def image(name: str, data: bytes) -> Image:
    """A picture from its bytes; raises ChatError when it is none or too large."""
    media_type = image_type(data)
    if media_type is None:
        raise ChatError(f"{name} is no PNG, JPEG or WebP picture.", "Save it as PNG or JPEG.")
    _check_size(name, data, MOST_IMAGE_BYTES, "Make the picture smaller.")
    encoded = base64.b64encode(data).decode()
    return Image(name, media_type, f"data:{media_type};base64,{encoded}", len(data))


def text_file(name: str, data: bytes) -> TextFile:
    """A text or code file from its bytes; raises ChatError when it is no text."""
    _check_size(name, data, MOST_TEXT_BYTES, "Attach the part that matters.")
    unreadable = ChatError(
        f"{name} cannot be read as text.",
        "Attach a text, code, PDF, PNG, JPEG or WebP file.",
    )
    marked_utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\0" in data and not marked_utf16:
        raise unreadable
    try:
        text = data.decode("utf-16" if marked_utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        if marked_utf16 or _looks_binary(data):
            raise unreadable from None
        text = data.decode("cp1252", errors="replace")
    return bounded(name, text, len(data))


def bounded(name: str, text: str, size_bytes: int, note: str = "") -> TextFile:
    """The text, cut where a model could not take more of it anyway."""
    if len(text) > MOST_TEXT_CHARS:
        text, note = text[:MOST_TEXT_CHARS], f"only its first {MOST_TEXT_CHARS:,} characters"
    return TextFile(name, text, size_bytes, note)


async def _pdf(name: str, data: bytes) -> TextFile:
    from chat_client.pdf_text import pdf_text  # pypdf loads slowly, and few people need it

    _check_size(name, data, MOST_PDF_BYTES, "Attach the pages that matter.")
    text, note = await asyncio.to_thread(pdf_text, name, data)
    return bounded(name, text, len(data), note)


def _plain_name(name: str) -> str:
    """The last part of a path, on one line: it goes into the prompt."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(letter if letter.isprintable() else " " for letter in last).strip()
    return kept[-100:] or "file"


def _check_size(name: str, data: bytes, most: int, advice: str) -> None:
    if len(data) > most:
        raise ChatError(
            f"{name} is too large: {len(data) / MIB:.1f} MB, and {most // MIB} MB is the limit.",
            advice,
        )


def _looks_binary(data: bytes) -> bool:
    """More than one byte in ten is a control character that text does not have."""
    sample = data[:4096]
    odd = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in sample)
    return odd * 10 > len(sample)
