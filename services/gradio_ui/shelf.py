"""The list of kept chats: by day, found by words, renamed, pinned, deleted and taken back.

Owns what its buttons do. How it looks is `shelf_list`'s; opening a chat is `handlers`'.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from chat_client import ChatError, Room, Summary, by_day
from gradio_ui.session import Session
from gradio_ui.shelf_list import found_list, shelf_list, unreadable_list

MOST_PAGES = 20
TITLE_CHARS = 200


class Shelf:
    """The handlers of the list; one instance serves every session."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def look(self, session: Session, words: str) -> dict[str, Any]:
        """The list as it is now; nothing when a later look has begun meanwhile."""
        session.looks += 1
        mine = session.looks
        drawn = await self._draw(session, words or "")
        if mine != session.looks:
            return dict(gr.skip())
        session.listed = drawn
        return dict(gr.update(value=drawn))

    async def tick(self, session: Session, words: str) -> dict[str, Any]:
        """The timer's look; nothing when it is as before, so that an open menu stays open."""
        before = session.listed
        update = await self.look(session, words)
        return dict(gr.skip()) if session.listed == before else update

    async def act(self, session: Session, words: str, event: gr.EventData) -> dict[str, Any]:
        """One of the buttons beside a chat."""
        session.looks += 1
        told: dict[str, Any] = event._data or {}
        action, id_ = str(told.get("do", "")), str(told.get("id", ""))
        try:
            if action == "rename":
                title = " ".join(str(told.get("title", "")).split())[:TITLE_CHARS]
                if title:
                    await self._room.rename(id_, title)
                    if session.address == id_:
                        session.chat.dialogue.title = title
            elif action in ("pin", "unpin"):
                await self._room.pin(id_, action == "pin")
            elif action == "delete":
                session.deleted = await self._room.delete(id_)
            elif action == "restore" and session.deleted is not None:
                await self._room.restore(session.deleted.id)
                session.deleted = None
            elif action == "older":
                session.pages = min(session.pages + 1, MOST_PAGES)
        except ChatError as error:
            session.listed = unreadable_list(error)
            return dict(gr.update(value=session.listed))
        session.listed = await self._draw(session, words or "")
        return dict(gr.update(value=session.listed))

    async def _draw(self, session: Session, words: str) -> str:
        try:
            if words.strip():
                return found_list(await self._room.search(words), session.address)
            kept, more = await self._kept(session)
        except ChatError as away:
            return unreadable_list(away)
        groups = by_day(kept, session.utc_offset_minutes)
        return shelf_list(groups, session.address, session.deleted, more)

    async def _kept(self, session: Session) -> tuple[list[Summary], bool]:
        kept: list[Summary] = []
        cursor: str | None = None
        for _ in range(session.pages):
            page = await self._room.page(cursor, utc_offset_minutes=session.utc_offset_minutes)
            kept += page.conversations
            cursor = page.next_cursor
            if cursor is None:
                break
        return kept, cursor is not None
