"""`/lectern/presets` and `/lectern/votes`: their HTTP.

Owns the routes; the rules are those of `presets` and `votes`.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.routing import APIRoute

from gateway.presets import NewPreset, Preset, PresetChange, PresetFile, PresetList, PresetReport
from gateway.presets import Presets as PresetStore
from gateway.room_answers import VersionIfGiven, VersionNeeded, errors, etag
from gateway.room_database import RoomDatabase
from gateway.room_limits import MAX_PAGE
from gateway.room_route import Owner
from gateway.votes import NewVote, Reach, Totals, Vote, VotePage, Votes

PRESETS = "/lectern/presets"
Id = Annotated[str, Path(max_length=40)]


def preset_routes(
    database: RoomDatabase, presets: PresetStore, route_class: type[APIRoute]
) -> APIRouter:
    """The routes of presets."""
    router = APIRouter(prefix=PRESETS, route_class=route_class, tags=["presets"])
    _add_preset_lists(router, database, presets)
    _add_preset(router, database, presets)
    return router


def _add_preset_lists(router: APIRouter, database: RoomDatabase, presets: PresetStore) -> None:
    @router.get("", summary="Your presets and those that others share", responses=errors())
    async def list_presets(owner: Owner) -> PresetList:
        return PresetList(presets=await database.run(presets.all, owner))

    @router.post("", status_code=201, summary="Keep a preset", responses=errors(409, 413))
    async def create_preset(owner: Owner, new: NewPreset, response: Response) -> Preset:
        made = await database.run(presets.create, owner, new)
        response.headers["ETag"] = etag(made.version)
        response.headers["Location"] = f"{PRESETS}/{made.id}"
        return made

    @router.get(
        "/export",
        summary="Your own presets as a file",
        responses=errors(),
        response_model_exclude_unset=True,
    )
    async def export_presets(owner: Owner, response: Response) -> PresetFile:
        mine = [preset for preset in await database.run(presets.all, owner) if preset.mine]
        response.headers["Content-Disposition"] = 'attachment; filename="lectern-presets.json"'
        kept = [
            {"name": preset.name, "settings": preset.settings, "shared": preset.shared}
            for preset in mine
        ]
        file = {"format": "lectern.presets", "version": 1, "presets": kept}
        return PresetFile.model_validate(file)

    @router.post(
        "/import",
        summary="Take a file of presets in; as a whole or not at all",
        responses=errors(409, 413),
    )
    async def import_presets(owner: Owner, file: PresetFile) -> PresetReport:
        return await database.run(presets.load, owner, file)


def _add_preset(router: APIRouter, database: RoomDatabase, presets: PresetStore) -> None:
    @router.get("/{preset}", summary="Read a preset", responses=errors(404))
    async def get_preset(owner: Owner, preset: Id, response: Response) -> Preset:
        found = await database.run(presets.get, owner, preset)
        response.headers["ETag"] = etag(found.version)
        return found

    @router.patch(
        "/{preset}",
        summary="Rename, change or share a preset of your own",
        responses=errors(404, 409, 412, 413, 428),
    )
    async def change_preset(
        owner: Owner, preset: Id, change: PresetChange, version: VersionNeeded, response: Response
    ) -> Preset:
        changed = await database.run(presets.change, owner, preset, change, version)
        response.headers["ETag"] = etag(changed.version)
        return changed

    @router.delete(
        "/{preset}",
        status_code=204,
        summary="Delete a preset of your own",
        responses=errors(404, 412),
    )
    async def delete_preset(owner: Owner, preset: Id, version: VersionIfGiven) -> None:
        await database.run(presets.delete, owner, preset, version)


def vote_routes(database: RoomDatabase, votes: Votes, route_class: type[APIRoute]) -> APIRouter:
    """The routes of votes."""
    router = APIRouter(prefix="/lectern/votes", route_class=route_class, tags=["votes"])

    @router.post("", status_code=201, summary="Vote", responses=errors(409, 413))
    async def cast_vote(owner: Owner, new: NewVote) -> Vote:
        return await database.run(votes.cast, owner, new)

    @router.get("", summary="Your votes, the latest first", responses=errors())
    async def list_votes(
        owner: Owner,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
        cursor: Annotated[str | None, Query(max_length=40)] = None,
    ) -> VotePage:
        return await database.run(votes.page, owner, limit, cursor)

    @router.get("/totals", summary="Who won how often against whom", responses=errors())
    async def vote_totals(
        owner: Owner,
        reach: Annotated[
            Reach, Query(description="own: your votes; room: what all keys share, without names")
        ] = Reach.ROOM,
    ) -> Totals:
        return await database.run(votes.totals, owner, reach)

    @router.delete("/{vote}", status_code=204, summary="Take a vote back", responses=errors(404))
    async def delete_vote(owner: Owner, vote: Id) -> None:
        await database.run(votes.delete, owner, vote)

    return router
