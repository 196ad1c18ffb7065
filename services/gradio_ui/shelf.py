"""The list of kept chats: by day, found by words, renamed, pinned, deleted and taken back.

Owns what its buttons do. How it looks is `shelf_list`'s; opening a chat is `handlers`'.
"""

from __future__ import annotations

from typing import Any, Literal

import gradio as gr

from chat_client import ChatError, Room, Summary, by_day
from gradio_ui.file_desk import FileDesk
from gradio_ui.session import Session
from gradio_ui.shelf_list import found_list, shelf_list, unreadable_list

Format = Literal["json", "markdown"]
MOST_PAGES = 20
NOT_THERE = "The file did not arrive. Try again."
TITLE_CHARS = 200


class Shelf:
    """The handlers of the list; one instance serves every session."""

    def __init__(self, room: Room, desk: FileDesk) -> None:
        self._room = room
        self._desk = desk

    async def look(self, session: Session, words: str) -> dict[str, Any]:
        """The list as it is now; nothing when a later look has begun meanwhile."""
        session.looks += 1
        mine = session.looks
        drawn = await self._draw(session, words or "")
        if mine != session.looks:
            return dict(gr.skip())
        return dict(gr.update(value=drawn))

    async def tick(self, session: Session, words: str, shown: str) -> dict[str, Any]:
        """The timer's look; nothing when it is as `shown`, so that an open menu stays open.

        What the browser shows counts, not what it was sent: two answers may pass each other.
        """
        update = await self.look(session, words)
        return dict(gr.skip()) if update.get("value") == shown else update

    async def act(self, session: Session, words: str, event: gr.EventData) -> dict[str, Any]:
        """One of the buttons beside a chat."""
        session.looks += 1
        session.shelf_told = ""
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
            return dict(gr.update(value=unreadable_list(error)))
        return dict(gr.update(value=await self._draw(session, words or "")))

    async def export(self, session: Session, words: str, event: gr.EventData) -> tuple[Any, Any]:
        """One chat or all of them as a file; the key to fetch it by, and the list."""
        told: dict[str, Any] = event._data or {}
        id_, format_ = str(told.get("id", "")), told.get("format")
        kind: Format = "markdown" if format_ == "markdown" else "json"
        session.shelf_told, key = "", gr.skip()
        try:
            file = await (self._room.export(id_, kind) if id_ else self._room.export_all(kind))
            key = self._desk.leaving.put(file)
        except ChatError as error:
            session.shelf_told = str(error)
        return key, await self.look(session, words)

    async def load(self, session: Session, words: str, event: gr.EventData) -> dict[str, Any]:
        """Chats from a file that has arrived: of Lectern, ChatGPT or Open WebUI."""
        told: dict[str, Any] = event._data or {}
        file = self._desk.arrived.take(str(told.get("key", "")))
        try:
            if file is None:
                session.shelf_told = str(
                    told.get("problem") or "The file did not arrive. Try again."
                )
            else:
                session.shelf_told = (await self._room.load(file.data)).line
        except ChatError as error:
            session.shelf_told = str(error)
        return await self.look(session, words)

    async def _draw(self, session: Session, words: str) -> str:
        try:
            if words.strip():
                return found_list(await self._room.search(words), session.address)
            kept, more = await self._kept(session)
        except ChatError as away:
            return unreadable_list(away)
        groups = by_day(kept, session.utc_offset_minutes)
        return shelf_list(groups, session.address, session.deleted, more, session.shelf_told)

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
