"""`/lectern/conversations/{conversation}/messages` and `…/leaf`: the tree's HTTP.

Owns the routes; the rules are `conversation_messages`'. Adding needs no `If-Match`: what two tabs
add stands side by side. With one, it is held to it.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from fastapi.routing import APIRoute

from gateway.conversation_bodies import (
    Added,
    Answered,
    Leaf,
    LeafChosen,
    NewMessage,
    NewSibling,
    Thumb,
)
from gateway.conversation_messages import ConversationMessages
from gateway.conversation_routes import PREFIX, ConversationId
from gateway.room_answers import VersionIfGiven, VersionNeeded, errors, etag
from gateway.room_database import RoomDatabase
from gateway.room_route import Owner

MessagePath = Annotated[str, Path(max_length=40)]
ADDING = errors(404, 409, 412, 413)
REPEATED: dict[int | str, dict[str, Any]] = {
    200: {"model": Added, "description": "The same message was there already"}
}


def message_routes(
    database: RoomDatabase, messages: ConversationMessages, route_class: type[APIRoute]
) -> APIRouter:
    """The routes of one conversation's messages."""
    router = APIRouter(
        prefix=f"{PREFIX}/{{conversation}}", route_class=route_class, tags=["conversations"]
    )
    _add_adding(router, database, messages)
    _add_changing(router, database, messages)
    _add_judging(router, database, messages)
    return router


def _add_adding(router: APIRouter, database: RoomDatabase, messages: ConversationMessages) -> None:
    @router.post(
        "/messages", status_code=201, summary="Add a message", responses={**REPEATED, **ADDING}
    )
    async def add_message(
        owner: Owner,
        conversation: ConversationId,
        new: NewMessage,
        version: VersionIfGiven,
        response: Response,
    ) -> Added:
        added, fresh = await database.run(messages.append, owner, conversation, new, version)
        return _told(added, fresh, response)

    @router.post(
        "/messages/{message}/siblings",
        status_code=201,
        summary="Add another version of a message: an edit, a regenerated answer",
        responses={**REPEATED, **ADDING},
    )
    async def add_sibling(
        owner: Owner,
        conversation: ConversationId,
        message: MessagePath,
        new: NewSibling,
        version: VersionIfGiven,
        response: Response,
    ) -> Added:
        added, fresh = await database.run(
            messages.add_sibling, owner, conversation, message, new, version
        )
        return _told(added, fresh, response)


def _add_changing(
    router: APIRouter, database: RoomDatabase, messages: ConversationMessages
) -> None:
    @router.put(
        "/messages/{message}",
        summary="Replace an answer that was stored as unfinished",
        responses=errors(404, 409, 412, 413),
    )
    async def complete_message(
        owner: Owner,
        conversation: ConversationId,
        message: MessagePath,
        answer: Answered,
        version: VersionIfGiven,
        response: Response,
    ) -> Added:
        completed = await database.run(
            messages.complete, owner, conversation, message, answer, version
        )
        response.headers["ETag"] = etag(completed.version)
        return completed

    @router.put(
        "/leaf",
        summary="Choose which of several versions is shown",
        responses=errors(404, 412, 428),
    )
    async def choose_leaf(
        owner: Owner,
        conversation: ConversationId,
        leaf: Leaf,
        version: VersionNeeded,
        response: Response,
    ) -> LeafChosen:
        chosen = await database.run(messages.choose, owner, conversation, leaf.message_id, version)
        response.headers["ETag"] = etag(chosen.version)
        return chosen


def _add_judging(router: APIRouter, database: RoomDatabase, messages: ConversationMessages) -> None:
    @router.put(
        "/messages/{message}/feedback",
        summary="Give an answer a thumb, or take it back",
        responses=errors(404, 409, 412),
    )
    async def judge_message(
        owner: Owner,
        conversation: ConversationId,
        message: MessagePath,
        thumb: Thumb,
        version: VersionIfGiven,
        response: Response,
    ) -> Added:
        judged = await database.run(
            messages.judge, owner, conversation, message, thumb.feedback, version
        )
        response.headers["ETag"] = etag(judged.version)
        return judged


def _told(added: Added, fresh: bool, response: Response) -> Added:
    response.status_code = 201 if fresh else 200
    response.headers["ETag"] = etag(added.version)
    return added
