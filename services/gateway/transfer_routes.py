"""`/lectern/conversations/export` and `…/import`: conversations as files, over HTTP.

Owns file names, streaming and that one import at a time is read. The forms are
`conversation_export`'s and the readers'.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute

from gateway.conversation_bodies import ExportFormat, ImportReport
from gateway.conversation_export import as_json, as_markdown, json_end, json_start
from gateway.conversation_import import ConversationImport
from gateway.conversation_routes import PREFIX, ConversationId
from gateway.conversation_rows import now
from gateway.conversations import Conversations
from gateway.room_answers import errors
from gateway.room_database import RoomDatabase
from gateway.room_errors import NotKept
from gateway.room_route import Owner

Format = Annotated[ExportFormat, Query()]
TYPES = {"json": "application/json", "markdown": "text/markdown; charset=utf-8"}
ENDINGS = {"json": "json", "markdown": "md"}
FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "text/markdown": {"schema": {"type": "string"}},
        },
    }
}


def transfer_routes(
    database: RoomDatabase,
    conversations: Conversations,
    importer: ConversationImport,
    route_class: type[APIRoute],
    max_import_bytes: int,
) -> APIRouter:
    """The routes by which conversations come and go. Include them before `/{conversation}`."""
    router = APIRouter(prefix=PREFIX, route_class=route_class, tags=["conversations"])
    _add_export(router, database, conversations)
    one_at_a_time = asyncio.Lock()

    @router.post(
        "/import",
        summary="Import Lectern's, ChatGPT's or Open WebUI's export; as a whole or not at all",
        responses=errors(409, 413),
        openapi_extra={
            "x-max-body-bytes": max_import_bytes,
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {}}},
            },
        },
    )
    async def import_conversations(owner: Owner, request: Request) -> ImportReport:
        """The format is recognised. What was here already is not made twice."""
        async with one_at_a_time:  # a file in memory is large
            return await database.run(importer.load, owner, await request.body())

    return router


def _add_export(router: APIRouter, database: RoomDatabase, conversations: Conversations) -> None:
    @router.get(
        "/export",
        summary="All your conversations as one file",
        response_class=StreamingResponse,
        responses=errors() | FILES,
    )
    async def export_all(owner: Owner, format: Format = "json") -> StreamingResponse:  # noqa: A002
        ids = await database.run(conversations.ids, owner)
        pieces = _pieces(owner, ids, format, database, conversations)
        return StreamingResponse(pieces, headers=_file("lectern-conversations", format))

    @router.get(
        "/{conversation}/export",
        summary="One conversation as a file",
        response_class=Response,
        responses=errors(404) | FILES,
    )
    async def export_one(
        owner: Owner,
        conversation: ConversationId,
        format: Format = "json",  # noqa: A002
    ) -> Response:
        found = await database.run(conversations.get, owner, conversation)
        if format == "markdown":
            body = (await asyncio.to_thread(as_markdown, found)).encode()
        else:
            body = json_start(now()) + as_json(found) + json_end()
        return Response(body, headers=_file("lectern-conversation", format))


async def _pieces(
    owner: str,
    ids: list[str],
    format_: ExportFormat,
    database: RoomDatabase,
    conversations: Conversations,
) -> AsyncIterator[bytes]:
    """The file piece by piece; what is deleted meanwhile is not in it."""
    as_piece = _json_piece if format_ == "json" else _markdown_piece
    if format_ == "json":
        yield json_start(now())
    first = True
    for id_ in ids:
        try:
            piece = await database.run(as_piece, conversations, owner, id_)
        except NotKept:
            continue
        separator = b"" if first else b"," if format_ == "json" else b"\n---\n\n"
        yield separator + piece
        first = False
    if format_ == "json":
        yield json_end()


def _json_piece(conversations: Conversations, owner: str, id_: str) -> bytes:
    return as_json(conversations.get(owner, id_))


def _markdown_piece(conversations: Conversations, owner: str, id_: str) -> bytes:
    return as_markdown(conversations.get(owner, id_)).encode()


def _file(name: str, format_: ExportFormat, moment: datetime | None = None) -> dict[str, str]:
    day = (moment or now()).date().isoformat()
    return {
        "Content-Type": TYPES[format_],
        "Content-Disposition": f'attachment; filename="{name}-{day}.{ENDINGS[format_]}"',
    }
