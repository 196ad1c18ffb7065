"""Presets: settings under a name, kept for both web UIs.

Owns their rows and rules. A preset belongs to a key; a shared one can be read and copied by every
key of the room under its owner's name, and changed by its owner alone. Methods block.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from sqlalchemy import Connection, delete, func, insert, or_, select, update

from gateway.conversation_rows import AnyRow, check_version, new_id, now, utc
from gateway.errors import BadRequest
from gateway.model_settings import BoundedSettings, ModelSettings, Strict, one_line
from gateway.room_database import RoomDatabase
from gateway.room_errors import Conflict, LimitReached, NotKept
from gateway.room_limits import MAX_NAME_CHARS, Limits
from gateway.schema import keys, presets

MAX_IMPORTED_PRESETS = 1_000
PresetName = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS)]


class NewPreset(Strict):
    """Settings to keep under a name."""

    name: PresetName
    settings: BoundedSettings
    shared: bool = Field(False, description="every key of the room may read and copy it")


class PresetChange(Strict):
    """The fields to change; the others stay."""

    name: PresetName = "-"
    settings: BoundedSettings = ModelSettings()
    shared: bool = False


class Preset(BaseModel):
    """A preset of one's own, or one that somebody shares."""

    id: str
    name: str
    settings: dict[str, Any]
    shared: bool
    mine: bool
    owner: str = Field(description="the name of the key that it belongs to")
    version: int
    created_at: datetime
    updated_at: datetime


class PresetList(BaseModel):
    """One's own presets first, then the shared ones of others, by name."""

    presets: list[Preset]


class PresetFile(Strict):
    """Presets as a file: what the export gives and the import takes."""

    format: Literal["lectern.presets"] = "lectern.presets"
    version: Literal[1] = 1
    presets: Annotated[list[NewPreset], Field(max_length=MAX_IMPORTED_PRESETS)]


class PresetReport(BaseModel):
    """What an import made; `renamed` counts those whose name was taken by other settings."""

    presets: int
    duplicates: int
    renamed: int


# Shown under its owner's name; what tells owners apart is the id that survives rotation.
_OWNER_NAME = select(keys.c.name).where(keys.c.owner == presets.c.owner).limit(1).scalar_subquery()
_SHOWN = select(presets, _OWNER_NAME.label("owner_name"))


class Presets:
    """The presets of the room."""

    def __init__(self, database: RoomDatabase, limits: Limits) -> None:
        self._database = database
        self._limits = limits

    def create(self, owner: str, new: NewPreset) -> Preset:
        """Keeps a preset; raises `Conflict` when its name is taken, `LimitReached`."""
        with self._database.writing(owner) as connection:
            self._check_count(connection, owner, 1)
            _check_name(connection, owner, _name(new.name))
            return _preset(_insert(connection, owner, new, _name(new.name)), owner)

    def all(self, owner: str) -> list[Preset]:
        """One's own and the shared ones."""
        query = _SHOWN.where(or_(presets.c.owner == owner, presets.c.shared))
        with self._database.reading() as connection:
            found = [_preset(row, owner) for row in connection.execute(query)]
        return sorted(found, key=lambda preset: (not preset.mine, preset.name.casefold()))

    def get(self, owner: str, id_: str) -> Preset:
        """A preset of one's own or a shared one; raises `NotKept`."""
        query = _SHOWN.where(presets.c.id == id_, or_(presets.c.owner == owner, presets.c.shared))
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise _unknown(id_)
        return _preset(row, owner)

    def change(self, owner: str, id_: str, change: PresetChange, version: int | None) -> Preset:
        """Changes the fields that were given; raises `NotKept`, `Stale` or `Conflict`."""
        values: dict[str, Any] = {name: getattr(change, name) for name in change.model_fields_set}
        if not values:
            raise BadRequest("Nothing to change: send `name`, `settings` or `shared`.")
        if "settings" in values:
            values["settings"] = change.settings.given()
        with self._database.writing(owner) as connection:
            row = _find(connection, owner, id_)
            check_version(row, version, "preset")
            if "name" in values:
                values["name"] = _name(change.name)
                _check_name(connection, owner, values["name"], except_id=id_)
            values |= {"version": row.version + 1, "updated_at": now()}
            connection.execute(update(presets).where(presets.c.id == id_).values(values))
            return _preset(_find(connection, owner, id_), owner)

    def delete(self, owner: str, id_: str, version: int | None) -> None:
        with self._database.writing(owner) as connection:
            row = _find(connection, owner, id_)
            check_version(row, version, "preset")
            connection.execute(delete(presets).where(presets.c.id == id_))

    def load(self, owner: str, file: PresetFile) -> PresetReport:
        """Takes a file of presets in, all or nothing; what is here already is not made twice."""
        made = duplicates = renamed = 0
        with self._database.writing(owner) as connection:
            query = select(presets.c.name, presets.c.settings).where(presets.c.owner == owner)
            kept = {row.name: row.settings for row in connection.execute(query)}
            for new in file.presets:
                base = _name(new.name)
                names = [name for name in kept if name == base or name.startswith(f"{base} (")]
                if any(kept[name] == new.settings.given() for name in names):
                    duplicates += 1
                    continue
                name = _free_name(base, kept)
                renamed += name != base
                _insert(connection, owner, new, name)
                kept[name] = new.settings.given()
                made += 1
            self._check_count(connection, owner, 0)
        return PresetReport(presets=made, duplicates=duplicates, renamed=renamed)

    def _check_count(self, connection: Connection, owner: str, more: int) -> None:
        query = select(func.count()).select_from(presets).where(presets.c.owner == owner)
        if connection.execute(query).scalar_one() + more > self._limits.presets:
            raise LimitReached(
                f"A key may keep {self._limits.presets} presets. Delete some, then try again."
            )


def _find(connection: Connection, owner: str, id_: str) -> AnyRow:
    query = _SHOWN.where(presets.c.id == id_, presets.c.owner == owner)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise _unknown(id_)
    return row


def _unknown(id_: str) -> NotKept:
    return NotKept(f"You have no preset with the id {id_!r}. List yours to see their ids.")


def _name(name: str) -> str:
    name = one_line(name)
    if not name:
        raise BadRequest("`name` must hold more than white space.", param="name")
    return name


def _check_name(
    connection: Connection, owner: str, name: str, except_id: str | None = None
) -> None:
    query = select(presets.c.id).where(presets.c.owner == owner, presets.c.name == name)
    if any(id_ != except_id for id_ in connection.execute(query).scalars()):
        raise Conflict(
            f"You have a preset named {name!r} already. Choose another name, or change that one.",
            param="name",
        )


def _free_name(base: str, taken: dict[str, Any]) -> str:
    name, number = base, 1
    while name in taken:
        number += 1
        ending = f" ({number})"
        name = base[: MAX_NAME_CHARS - len(ending)] + ending
    return name


def _insert(connection: Connection, owner: str, new: NewPreset, name: str) -> AnyRow:
    moment = now()
    row = {
        "id": new_id("preset"),
        "owner": owner,
        "name": name,
        "settings": new.settings.given(),
        "shared": new.shared,
        "version": 1,
        "created_at": moment,
        "updated_at": moment,
    }
    connection.execute(insert(presets).values(row))
    return _find(connection, owner, str(row["id"]))


def _preset(row: AnyRow, owner: str) -> Preset:
    fields = row._asdict()
    fields["owner"] = fields.pop("owner_name") or "somebody whose key is gone"
    for name in ("created_at", "updated_at"):
        fields[name] = utc(fields[name])
    return Preset(**fields, mine=row.owner == owner)
