"""The room: what keys keep under `/lectern/`: conversations, presets, votes.

Owns putting its stores and routes together. The purge of what was deleted is `upkeep`'s errand.
"""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import Engine

from gateway.conversation_import import ConversationImport
from gateway.conversation_messages import ConversationMessages
from gateway.conversation_routes import conversation_routes
from gateway.conversation_search import ConversationSearch
from gateway.conversations import Conversations
from gateway.key_check import KeyCheck
from gateway.message_routes import message_routes
from gateway.preset_routes import preset_routes, vote_routes
from gateway.presets import Presets
from gateway.room_database import RoomDatabase
from gateway.room_limits import Limits
from gateway.room_route import room_route
from gateway.transfer_routes import transfer_routes
from gateway.votes import Votes


def room_routes(check: KeyCheck, engine: Engine, limits: Limits | None = None) -> APIRouter:
    """Every route of the room."""
    limits = limits or Limits()
    database = RoomDatabase(engine)
    conversations = Conversations(database, limits)
    route_class = room_route(check, limits.body_bytes)

    router = APIRouter()
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
