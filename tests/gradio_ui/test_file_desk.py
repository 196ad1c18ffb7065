"""Files in and out of the page: bounded, taken once, and nobody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from chat_client import Dialogue, Entry, Image, RoomFile
from gradio_ui.file_desk import MOST_FILE_BYTES, TYPE, FileDesk
from gradio_ui.locker import LONGEST_S, Locker
from gradio_ui.pictures import Pictures

PLAIN = {"content-type": TYPE}


def file(name: str, data: bytes = b"x") -> RoomFile:
    return RoomFile(name=name, media_type=TYPE, data=data)


def picture_of_a_dot() -> Image:
    return Image("dot.png", "image/png", "data:image/png;base64,aGVsbG8=", 5)


@pytest.fixture
def desk() -> FileDesk:
    return FileDesk()


@pytest.fixture
async def client(desk: FileDesk) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    desk.add_to(app)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://lectern") as client:
        yield client


async def test_a_file_waits_in_memory_until_it_is_taken_once(
    client: httpx.AsyncClient, desk: FileDesk
) -> None:
    response = await client.post("/files?name=notes.txt", content=b"hello", headers=PLAIN)
    key = response.json()["key"]
    assert (await client.get(f"/files/{key}")).status_code == 404  # what came in goes to no caller
    taken = desk.arrived.take(key)
    assert taken is not None
    assert (taken.name, taken.data) == ("notes.txt", b"hello")
    assert desk.arrived.take(key) is None


async def test_a_page_of_another_site_cannot_send_files(client: httpx.AsyncClient) -> None:
    """A form or a plain fetch of another site can only send the types that need no question."""
    for sent in (
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/x-www-form-urlencoded",
    ):
        response = await client.post("/files", content=b"x", headers={"content-type": sent})
        assert response.status_code == 415, sent
    asked = await client.options("/files", headers={"origin": "http://evil.invalid"})
    assert "access-control-allow-origin" not in asked.headers


async def test_a_file_that_is_too_large_is_refused_also_without_a_length(
    client: httpx.AsyncClient, desk: FileDesk
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1_000_000

    told = await client.post("/files", content=b"x" * (MOST_FILE_BYTES + 1), headers=PLAIN)
    untold = await client.post("/files", content=endless(), headers=PLAIN)
    assert (told.status_code, untold.status_code) == (413, 413)
    assert "30 MB is the limit" in untold.json()["problem"]
    assert (await client.post("/files", content=b"x", headers=PLAIN)).status_code == 200


async def test_an_export_is_handed_out_once_and_as_a_file(
    client: httpx.AsyncClient, desk: FileDesk
) -> None:
    leaving = RoomFile(name="chäts.html", media_type="text/html", data=b"<script>1</script>")
    key = desk.leaving.put(leaving)
    response = await client.get(f"/files/{key}")
    assert response.content == leaving.data
    assert response.headers["content-disposition"] == "attachment; filename*=UTF-8''ch%C3%A4ts.html"
    assert "no-store" in response.headers["cache-control"]
    assert (await client.get(f"/files/{key}")).status_code == 404


async def test_a_picture_is_shown_only_under_its_own_address(
    client: httpx.AsyncClient, desk: FileDesk
) -> None:
    entry = Entry("user", "Look", images=(picture_of_a_dot(),))
    address = desk.pictures.address(entry, 0)
    response = await client.get(address)
    assert (response.content, response.headers["content-type"]) == (b"hello", "image/png")
    assert entry.id not in address
    assert (await client.get(f"/pictures/{entry.id}")).status_code == 404


async def test_a_picture_that_calls_itself_a_page_is_none(
    client: httpx.AsyncClient, desk: FileDesk
) -> None:
    page = Image("a", "text/html", "data:image/png;base64,aGVsbG8=", 5)
    response = await client.get(desk.pictures.address(Entry("user", images=(page,)), 0))
    assert response.headers["content-type"] == TYPE
    broken = Image("a", "image/png", "data:image/png;base64,a", 1)
    gone = await client.get(desk.pictures.address(Entry("user", images=(broken,)), 0))
    assert gone.status_code == 404


def test_the_oldest_files_make_room() -> None:
    locker = Locker(most_bytes=10)
    first, second = locker.put(file("a", b"x" * 6)), locker.put(file("b", b"x" * 6))
    assert locker.take(first) is None
    assert locker.take(second) is not None


def test_a_file_that_nobody_takes_is_forgotten() -> None:
    now = 0.0
    locker = Locker(clock=lambda: now)
    key = locker.put(file("a"))
    now = LONGEST_S + 1
    assert locker.take(key) is None


def test_pictures_come_back_when_they_are_drawn_again() -> None:
    pictures = Pictures(most_bytes=40)
    dialogue = Dialogue()
    entries = [dialogue.add(Entry("user", images=(picture_of_a_dot(),))) for _ in range(2)]
    first = pictures.address(entries[0], 0).rsplit("/", 1)[1]
    pictures.address(entries[1], 0)
    assert pictures.find(first) is None
    assert pictures.address(entries[0], 0).endswith(first)
    assert pictures.find(first) is not None
