"""`/lectern/conversations`: lists, reads, changes, deletes, searches.

Owns the HTTP of conversations as a whole; rules are the stores'. A change that could overwrite one
needs `If-Match`, so that two tabs do not overwrite each other; one that only adds does not.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.routing import APIRoute

from gateway.conversation_bodies import (
    Conversation,
    ConversationChange,
    ConversationPage,
    Hits,
    Listed,
    NewConversation,
    Summary,
)
from gateway.conversation_search import ConversationSearch
from gateway.conversations import Conversations
from gateway.room_answers import VersionIfGiven, VersionNeeded, errors, etag
from gateway.room_database import RoomDatabase
from gateway.room_limits import MAX_PAGE, MAX_QUERY_CHARS
from gateway.room_route import Owner

PREFIX = "/lectern/conversations"
ConversationId = Annotated[str, Path(max_length=40)]
PageSize = Annotated[int, Query(ge=1, le=MAX_PAGE)]
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "Unchanged since the `ETag` in `If-None-Match`"}
}


def conversation_routes(
    database: RoomDatabase,
    conversations: Conversations,
    search: ConversationSearch,
    route_class: type[APIRoute],
) -> APIRouter:
    """The routes of conversations as a whole."""
    router = APIRouter(prefix=PREFIX, route_class=route_class, tags=["conversations"])
    _add_lists(router, database, conversations, search)
    _add_beginning(router, database, conversations)
    _add_one(router, database, conversations)
    _add_deletion(router, database, conversations)
    return router


def _add_lists(
    router: APIRouter,
    database: RoomDatabase,
    conversations: Conversations,
    search: ConversationSearch,
) -> None:
    @router.get(
        "", summary="List your conversations, pinned first, then the latest", responses=errors()
    )
    async def list_conversations(
        owner: Owner,
        limit: PageSize = 50,
        cursor: Annotated[str | None, Query(max_length=500)] = None,
        deleted: Annotated[bool, Query(description="those that can still be restored")] = False,
        utc_offset_minutes: Annotated[int, Query(ge=-1440, le=1440)] = 0,
    ) -> ConversationPage:
        shown, following = await database.run(
            conversations.page, owner, limit, cursor, deleted=deleted
        )
        offset = timedelta(minutes=utc_offset_minutes)
        listed = [
            Listed(**dict(summary), day=(summary.updated_at + offset).date()) for summary in shown
        ]
        return ConversationPage(conversations=listed, next_cursor=following)

    @router.get("/search", summary="Find words in titles and messages", responses=errors())
    async def search_conversations(
        owner: Owner,
        q: Annotated[str, Query(min_length=1, max_length=MAX_QUERY_CHARS)],
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> Hits:
        """Every word must be there; "double quotes" hold a phrase; the last word may go on."""
        return await database.run(search.find, owner, q, limit)


def _add_beginning(router: APIRouter, database: RoomDatabase, conversations: Conversations) -> None:
    @router.post("", status_code=201, summary="Begin a conversation", responses=errors(409, 413))
    async def create_conversation(
        owner: Owner, new: NewConversation, response: Response
    ) -> Conversation:
        made = await database.run(conversations.create, owner, new)
        response.headers["ETag"] = etag(made.version)
        response.headers["Location"] = f"{PREFIX}/{made.id}"
        return made


def _add_one(router: APIRouter, database: RoomDatabase, conversations: Conversations) -> None:
    @router.get(
        "/{conversation}",
        summary="Read a conversation with its tree of messages",
        response_model=Conversation,
        responses=errors(404) | NOT_MODIFIED,
    )
    async def get_conversation(
        owner: Owner, conversation: ConversationId, request: Request, response: Response
    ) -> Conversation | Response:
        known = request.headers.get("if-none-match")
        if known and known == etag(await database.run(conversations.version, owner, conversation)):
            return Response(status_code=304, headers={"ETag": known})
        found = await database.run(conversations.get, owner, conversation)
        response.headers["ETag"] = etag(found.version)
        return found

    @router.patch(
        "/{conversation}",
        summary="Rename, pin, set system prompt or settings",
        responses=errors(404, 409, 412, 413, 428),
    )
    async def change_conversation(
        owner: Owner,
        conversation: ConversationId,
        change: ConversationChange,
        version: VersionNeeded,
        response: Response,
    ) -> Summary:
        changed = await database.run(conversations.change, owner, conversation, change, version)
        response.headers["ETag"] = etag(changed.version)
        return changed


def _add_deletion(router: APIRouter, database: RoomDatabase, conversations: Conversations) -> None:
    @router.delete(
        "/{conversation}",
        summary="Delete a conversation; it can be restored for a while",
        responses=errors(404, 412),
    )
    async def delete_conversation(
        owner: Owner,
        conversation: ConversationId,
        version: VersionIfGiven,
        response: Response,
    ) -> Summary:
        deleted = await database.run(conversations.delete, owner, conversation, version)
        response.headers["ETag"] = etag(deleted.version)
        return deleted

    @router.post(
        "/{conversation}/restore", summary="Take a deletion back", responses=errors(404, 409)
    )
    async def restore_conversation(
        owner: Owner,
        conversation: ConversationId,
        response: Response,
    ) -> Summary:
        restored = await database.run(conversations.restore, owner, conversation)
        response.headers["ETag"] = etag(restored.version)
        return restored

    @router.post(
        "/{conversation}/erase",
        status_code=204,
        summary="Remove a conversation for good, deleted before or not",
        responses=errors(404, 412),
    )
    async def erase_conversation(
        owner: Owner,
        conversation: ConversationId,
        version: VersionIfGiven,
    ) -> None:
        await database.run(conversations.erase, owner, conversation, version)
