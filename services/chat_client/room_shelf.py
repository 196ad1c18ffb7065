"""The room's presets, votes and request log.

Owns: their calls as coroutines. How votes become a leaderboard is `leaderboard`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

from pydantic import TypeAdapter

from chat_client.request_log import Outcome, RequestLog
from chat_client.room_connection import FILE_S, RoomConnection
from chat_client.room_values import (
    Choice,
    Contestant,
    Preset,
    PresetReport,
    RoomFile,
    Totals,
    Vote,
)

_PRESETS = TypeAdapter(tuple[Preset, ...])


class RoomShelf(RoomConnection):
    """Presets and votes of one key, and the requests that it may see."""

    async def presets(self) -> tuple[Preset, ...]:
        """One's own first, then those that others share."""
        response = await self.ask("GET", "/presets")
        return _PRESETS.validate_python(response.json()["presets"])

    async def create_preset(
        self, name: str, settings: Mapping[str, Any], *, shared: bool = False
    ) -> Preset:
        """Keeps settings (`Sampling.settings()`, `model`, `system_prompt`) under a name."""
        body = {"name": name, "settings": dict(settings), "shared": shared}
        response = await self.ask("POST", "/presets", body=body)
        return Preset.model_validate_json(response.content)

    async def change_preset(self, preset: Preset, **fields: Any) -> Preset:
        """Changes `name`, `settings` or `shared` of one's own preset as it was read."""
        path = f"/presets/{quote(preset.id, safe='')}"
        response = await self.ask("PATCH", path, body=fields, version=preset.version)
        return Preset.model_validate_json(response.content)

    async def delete_preset(self, id_: str) -> None:
        await self.ask("DELETE", f"/presets/{quote(id_, safe='')}")

    async def export_presets(self) -> RoomFile:
        """One's own presets as a JSON file."""
        response = await self.ask("GET", "/presets/export", timeout_s=FILE_S)
        return RoomFile(
            name="lectern-presets.json", media_type="application/json", data=response.content
        )

    async def load_presets(self, data: bytes) -> PresetReport:
        """Takes such a file in, as a whole or not at all."""
        response = await self.ask("POST", "/presets/import", content=data, timeout_s=FILE_S)
        return PresetReport.model_validate_json(response.content)

    async def vote(
        self,
        choice: Choice,
        left: Contestant,
        right: Contestant,
        *,
        blind: bool = True,
        shared: bool = True,
    ) -> Vote:
        """Keeps a vote; a `shared` one counts, without a name, in the room's totals."""
        body = {
            "choice": choice,
            "left": left.model_dump(),
            "right": right.model_dump(),
            "blind": blind,
            "shared": shared,
        }
        response = await self.ask("POST", "/votes", body=body)
        return Vote.model_validate_json(response.content)

    async def take_back_vote(self, id_: str) -> None:
        await self.ask("DELETE", f"/votes/{quote(id_, safe='')}")

    async def totals(self, reach: Literal["own", "room"] = "room") -> Totals:
        """Who won how often against whom: one's own votes, or all that the room shares."""
        response = await self.ask("GET", "/votes/totals", params={"reach": reach})
        return Totals.model_validate_json(response.content)

    async def requests(
        self, limit: int = 50, *, looks: bool = True, outcome: Outcome = "", model: str = ""
    ) -> RequestLog:
        """What runs in the gateway and what ended last: everybody's where the key may see them.

        `looks`: also those for the list of models, which each open page sends every few seconds.
        """
        params: dict[str, Any] = {"limit": limit} | ({} if looks else {"looks": "false"})
        params |= {"outcome": outcome} if outcome else {}
        params |= {"model": model} if model else {}
        response = await self.ask("GET", "/requests", params=params)
        return RequestLog.model_validate_json(response.content)
