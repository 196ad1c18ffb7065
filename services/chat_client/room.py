"""The room: conversations that the gateway keeps, for both web UIs alike.

Owns: the calls for conversations and their messages as coroutines. Presets and votes are
`room_shelf`'s; who is asked, and what goes wrong, is `room_connection`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

from chat_client.room_connection import FILE_S
from chat_client.room_shelf import RoomShelf
from chat_client.room_values import (
    Added,
    Conversation,
    ConversationPage,
    Feedback,
    Hits,
    ImportReport,
    LeafChosen,
    RoomFile,
    Summary,
)

Format = Literal["json", "markdown"]
PATH = "/conversations"
_FILE_NAME = re.compile(r'filename="([^"]+)"')


class Room(RoomShelf):
    """All that the gateway keeps for one key; every call is on its own and safe to repeat.

    `version` holds a change to the state that was read (RoomStale otherwise); without one it is
    made on whatever is there.
    """

    async def page(
        self,
        cursor: str | None = None,
        *,
        limit: int = 50,
        deleted: bool = False,
        utc_offset_minutes: int = 0,
    ) -> ConversationPage:
        """Pinned ones first, then the latest; `deleted`: those that can be restored."""
        params: dict[str, Any] = {"limit": limit, "utc_offset_minutes": utc_offset_minutes}
        params |= {"deleted": "true"} if deleted else {}
        params |= {"cursor": cursor} if cursor else {}
        response = await self.ask("GET", PATH, params=params)
        return ConversationPage.model_validate_json(response.content)

    async def search(self, words: str, limit: int = 20) -> Hits:
        """Conversations that hold every word, best first; none for an empty search."""
        if not words.strip():
            return Hits(hits=(), more=False)
        params = {"q": words.strip()[:200], "limit": limit}
        response = await self.ask("GET", f"{PATH}/search", params=params)
        return Hits.model_validate_json(response.content)

    async def create(
        self,
        title: str = "",
        system_prompt: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Conversation:
        """Begins a conversation; without a title its first question becomes the title."""
        body: dict[str, Any] = {"title": title, "settings": dict(settings or {})}
        body |= {"system_prompt": system_prompt} if system_prompt else {}
        response = await self.ask("POST", PATH, body=body)
        return Conversation.model_validate_json(response.content)

    async def get(self, id_: str) -> Conversation:
        response = await self.ask("GET", _path(id_))
        return Conversation.model_validate_json(response.content)

    async def change(self, id_: str, *, version: int | None = None, **fields: Any) -> Summary:
        """Changes `title`, `pinned`, `system_prompt` or `settings`; the others stay."""
        expected = "*" if version is None else version
        response = await self.ask("PATCH", _path(id_), body=fields, version=expected)
        return Summary.model_validate_json(response.content)

    async def rename(self, id_: str, title: str, version: int | None = None) -> Summary:
        return await self.change(id_, title=title, version=version)

    async def pin(self, id_: str, pinned: bool = True, version: int | None = None) -> Summary:
        return await self.change(id_, pinned=pinned, version=version)

    async def delete(self, id_: str, version: int | None = None) -> Summary:
        """Deletes a conversation; `restore` takes that back until its `undo_until`."""
        response = await self.ask("DELETE", _path(id_), version=version)
        return Summary.model_validate_json(response.content)

    async def restore(self, id_: str) -> Summary:
        response = await self.ask("POST", _path(id_, "restore"))
        return Summary.model_validate_json(response.content)

    async def erase(self, id_: str) -> None:
        """Removes a conversation for good."""
        await self.ask("POST", _path(id_, "erase"))

    async def export(self, id_: str, format_: Format = "json") -> RoomFile:
        return await self._file(_path(id_, "export"), format_)

    async def export_all(self, format_: Format = "json") -> RoomFile:
        return await self._file(f"{PATH}/export", format_)

    async def load(self, data: bytes) -> ImportReport:
        """Imports a file of Lectern, ChatGPT or Open WebUI, as a whole or not at all."""
        response = await self.ask("POST", f"{PATH}/import", content=data, timeout_s=FILE_S)
        return ImportReport.model_validate_json(response.content)

    async def append(self, id_: str, message: Mapping[str, Any]) -> Added:
        """Adds a message: `role`, `content`, and optionally `id`, `parent_id`, `reasoning`,
        `model`, `numbers`, `extra`, `finished`, `activate`. An `id` makes repeating harmless."""
        response = await self.ask("POST", _path(id_, "messages"), body=dict(message))
        return Added.model_validate_json(response.content)

    async def add_sibling(self, id_: str, message_id: str, message: Mapping[str, Any]) -> Added:
        """Adds another version of a message, of the same role: an edit, a new answer."""
        path = _path(id_, "messages", message_id, "siblings")
        response = await self.ask("POST", path, body=dict(message))
        return Added.model_validate_json(response.content)

    async def complete(self, id_: str, message_id: str, answer: Mapping[str, Any]) -> Added:
        """Replaces an answer that was stored with `finished` false."""
        response = await self.ask("PUT", _path(id_, "messages", message_id), body=dict(answer))
        return Added.model_validate_json(response.content)

    async def judge(self, id_: str, message_id: str, feedback: Feedback | None) -> Added:
        """Keeps a thumb for an answer; None takes it back."""
        path = _path(id_, "messages", message_id, "feedback")
        response = await self.ask("PUT", path, body={"feedback": feedback})
        return Added.model_validate_json(response.content)

    async def choose(self, id_: str, message_id: str, version: int | None = None) -> LeafChosen:
        """Shows the path through this message, down to its latest descendant."""
        expected = "*" if version is None else version
        body = {"message_id": message_id}
        response = await self.ask("PUT", _path(id_, "leaf"), body=body, version=expected)
        return LeafChosen.model_validate_json(response.content)

    async def _file(self, path: str, format_: Format) -> RoomFile:
        response = await self.ask("GET", path, params={"format": format_}, timeout_s=FILE_S)
        match = _FILE_NAME.search(response.headers.get("content-disposition", ""))
        return RoomFile(
            name=match[1] if match else "lectern-conversations",
            media_type=response.headers.get("content-type", "application/octet-stream"),
            data=response.content,
        )


def _path(id_: str, *more: str) -> str:
    return "/".join([PATH, *(quote(part, safe="") for part in (id_, *more))])
