"""Three small routes by which files come in and go out; Gradio's own upload stays closed.

Owns: `POST /files` (a person's file, into memory), `GET /files/{key}` (an export, once) and
`GET /pictures/{key}`. Nothing is written to disk, no address is fetched, and what somebody brings
is given to nobody but the page that knows its key.
"""

from __future__ import annotations

import asyncio
import base64
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from chat_client import RoomFile
from gradio_ui.locker import MIB, Locker
from gradio_ui.pictures import PATH, Pictures

MOST_FILE_BYTES = 30 * MIB  # as much as the gateway takes in an import
MOST_COMING_BYTES = 64 * MIB  # of all files on their way in
LONGEST_UPLOAD_S = 120.0
NAME_CHARS = 200
# A page of another site cannot send this type without asking first, which nothing here allows.
TYPE = "application/octet-stream"
PRIVATE = {"cache-control": "private, no-store"}
SHOWN = {"cache-control": "private, max-age=3600", "content-security-policy": "sandbox"}


class FileDesk:
    """What has arrived, what is to be fetched, and the pictures that are shown."""

    def __init__(self) -> None:
        self.arrived = Locker()
        self.leaving = Locker()
        self.pictures = Pictures()
        self._coming = 0

    def add_to(self, app: FastAPI) -> None:
        app.post("/files")(self.receive)
        app.get("/files/{key}")(self.hand_out)
        app.get(PATH + "/{key}")(self.picture)

    async def receive(self, request: Request, name: str = "file") -> Response:
        """Takes one file; the answer is the key to it or a sentence."""
        if request.headers.get("content-type") != TYPE:
            return _refused(415, "Only this page can send files here.")
        if int(request.headers.get("content-length") or 0) > MOST_FILE_BYTES:
            return _too_large()
        data = bytearray()
        try:
            async with asyncio.timeout(LONGEST_UPLOAD_S):
                async for part in request.stream():
                    data += part
                    self._coming += len(part)
                    if len(data) > MOST_FILE_BYTES:
                        return _too_large()
                    if self._coming > MOST_COMING_BYTES:
                        return _refused(503, "Too many files are coming in now. Try again soon.")
        except TimeoutError:
            return _refused(408, "The file took too long to arrive.")
        finally:
            self._coming -= len(data)
        file = RoomFile(name=name[:NAME_CHARS], media_type=TYPE, data=bytes(data))
        return JSONResponse({"key": self.arrived.put(file)}, headers=PRIVATE)

    async def hand_out(self, key: str) -> Response:
        """An export, once; always as a file, never as a page."""
        file = self.leaving.take(key)
        if file is None:
            return _refused(404, "This file was fetched already. Ask for it again.")
        named = f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"
        headers = PRIVATE | {"content-disposition": named}
        return Response(file.data, media_type=file.media_type, headers=headers)

    async def picture(self, key: str) -> Response:
        """A picture of a chat that is open somewhere."""
        image = self.pictures.find(key)
        try:
            data = base64.b64decode(image.data_url.partition(",")[2]) if image else b""
        except ValueError:  # another program's idea of a picture
            data = b""
        if image is None or not data:
            return _refused(404, "This picture is not at hand. Open its chat again.")
        return Response(data, media_type=_safe(image.media_type), headers=SHOWN)


def _safe(media_type: str) -> str:
    """Pictures kept by another program may call themselves anything; a page is none of it."""
    known = ("image/png", "image/jpeg", "image/webp", "image/gif")
    return media_type if media_type in known else TYPE


def _too_large() -> Response:
    return _refused(413, f"That file is too large: {MOST_FILE_BYTES // MIB} MB is the limit.")


def _refused(status: int, sentence: str) -> Response:
    return JSONResponse({"problem": sentence}, status, headers=PRIVATE)
