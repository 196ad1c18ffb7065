"""The room: what keys keep under `/lectern/`: conversations, presets, votes.

Owns putting its stores and routes together, and the purge that runs beside them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from fastapi import APIRouter, FastAPI
from sqlalchemy import Engine

from gateway.conversation_import import ConversationImport
from gateway.conversation_messages import ConversationMessages
from gateway.conversation_routes import conversation_routes
from gateway.conversation_search import ConversationSearch
from gateway.conversations import Conversations
from gateway.errors import GatewayError
from gateway.key_check import KeyCheck
from gateway.message_routes import message_routes
from gateway.preset_routes import preset_routes, vote_routes
from gateway.presets import Presets
from gateway.room_database import RoomDatabase
from gateway.room_limits import Limits
from gateway.room_route import room_route
from gateway.transfer_routes import transfer_routes
from gateway.votes import Votes

log = logging.getLogger(__name__)


def room_routes(check: KeyCheck, engine: Engine, limits: Limits | None = None) -> APIRouter:
    """Every route of the room; while the app lives, deleted conversations are purged in time."""
    limits = limits or Limits()
    database = RoomDatabase(engine)
    conversations = Conversations(database, limits)
    route_class = room_route(check, limits.body_bytes)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        purging = asyncio.create_task(_purge(conversations, database, limits))
        try:
            yield
        finally:
            purging.cancel()
            await asyncio.gather(purging, return_exceptions=True)

    router = APIRouter(lifespan=lifespan)
    importer = ConversationImport(database, limits)
    search = ConversationSearch(database, limits)
    messages = ConversationMessages(database, limits)
    for routes in (
        transfer_routes(database, conversations, importer, route_class, limits.import_bytes),
        conversation_routes(database, conversations, search, route_class),
        message_routes(database, messages, route_class),
        preset_routes(database, Presets(database, limits), route_class),
        vote_routes(database, Votes(database, limits), route_class),
    ):
        router.include_router(routes)
    return router


async def _purge(conversations: Conversations, database: RoomDatabase, limits: Limits) -> None:
    """Removes for good what was deleted long enough ago, in small batches, until cancelled."""
    while True:
        try:
            purged = 1
            while purged:
                purged = await database.run(conversations.purge)
        except GatewayError:
            log.warning("deleted conversations cannot be purged now; the next try is due later")
        await asyncio.sleep(limits.purge_every_s)
