"""What can be attached: told by content, bounded, and one clear sentence for the rest."""

from __future__ import annotations

import io
from base64 import b64decode

import pypdf
import pytest
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from chat_client import ChatError, Image, Message, TextFile, read_attachment
from chat_client.attachments import MIB, MOST_TEXT_CHARS
from chat_client.pdf_text import MOST_PAGES

PNG = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
JPEG, WEBP = b"\xff\xd8\xff\xe0....", b"RIFF\x10\0\0\0WEBPVP8 "


def pdf(*pages: str, password: str = "") -> bytes:
    """A small real PDF with one line of text a page."""
    writer = pypdf.PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for text in pages:
        page = writer.add_blank_page(200, 200)
        fonts = DictionaryObject({NameObject("/F1"): font})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        content = DecodedStreamObject()
        content.set_data(f"BT /F1 12 Tf 10 100 Td ({text}) Tj ET".encode())
        page[NameObject("/Contents")] = content
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


async def text_of(name: str, data: bytes) -> TextFile:
    read = await read_attachment(name, data)
    assert isinstance(read, TextFile)
    return read


@pytest.mark.parametrize(
    ("data", "media_type"), [(PNG, "image/png"), (JPEG, "image/jpeg"), (WEBP, "image/webp")]
)
async def test_a_picture_is_known_by_its_content(data: bytes, media_type: str) -> None:
    image = await read_attachment("whatever.txt", data)
    assert isinstance(image, Image)
    assert image.media_type == media_type
    head, _, encoded = image.data_url.partition(",")
    assert (head, b64decode(encoded)) == (f"data:{media_type};base64", data)


async def test_a_picture_goes_beside_the_text_and_a_file_before_it() -> None:
    image = await read_attachment("a.png", PNG)
    assert isinstance(image, Image)
    file = await text_of("notes.md", "Grüße".encode())
    sent = Message("user", "What is this?", (image,), (file,)).on_the_wire()
    assert sent["content"][0]["text"] == (
        "--- File: notes.md ---\nGrüße\n--- End of notes.md ---\n\nWhat is this?"
    )
    assert sent["content"][1] == {"type": "image_url", "image_url": {"url": image.data_url}}


async def test_text_in_the_usual_encodings_is_read() -> None:
    for encoded in ("Größe".encode(), "Größe".encode("utf-16"), "Größe".encode("cp1252")):
        assert (await text_of("a.txt", encoded)).text == "Größe"


async def test_a_long_text_is_cut_and_says_so() -> None:
    file = await text_of("long.log", b"x" * (MOST_TEXT_CHARS + 1))
    assert len(file.text) == MOST_TEXT_CHARS
    assert "first 400,000 characters" in file.note
    assert file.tokens > 100_000


async def test_a_pdf_gives_its_text() -> None:
    file = await text_of("talk.pdf", pdf("One token", "Two tokens"))
    assert file.text == "One token\n\nTwo tokens"
    assert file.note == ""


async def test_a_long_pdf_is_read_up_to_the_limit_and_says_so() -> None:
    file = await text_of("book.pdf", pdf(*["word"] * (MOST_PAGES + 1)))
    assert file.note == "only its first 200 of 201 pages"


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("empty.txt", b"", "is empty"),
        ("fake.png", b"hello", "is not a PNG, JPEG or WebP"),
        ("fake.pdf", b"hello", "is not a PDF"),
        ("setup.exe", b"MZ\0\0", "cannot be read as text"),
        ("noise.txt", bytes(range(128, 160)) + b"\x01\x02\x03\x04\x05" * 20, "cannot be read"),
        ("broken.pdf", b"%PDF-1.7\nnothing", "damaged"),
        ("scan.pdf", pdf(""), "holds no text"),
        ("locked.pdf", pdf("secret", password="hush"), "locked with a password"),
        ("big.txt", b"x" * (MIB + 1), "1 MB is the limit"),
        ("big.png", PNG + b"x" * (5 * MIB), "5 MB is the limit"),
    ],
)
async def test_what_cannot_be_read_says_why(name: str, data: bytes, words: str) -> None:
    with pytest.raises(ChatError) as refused:
        await read_attachment(f"C:\\Users\\ana\\{name}", data)
    assert refused.value.message.startswith(name)
    assert words in refused.value.message
    assert refused.value.advice


async def test_a_name_cannot_break_out_of_its_line() -> None:
    file = await text_of("../a\n--- End ---.txt", b"text")
    assert file.name == "a --- End ---.txt"
