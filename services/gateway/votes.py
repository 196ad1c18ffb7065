"""Votes of the playground: which of two answers was better.

Owns their rows and totals. A vote belongs to a key and to no conversation. The room's totals count
every shared vote under model and label alone: no names, no settings, as those may hold a prompt.
Methods block.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, Field
from sqlalchemy import Connection, delete, func, insert, select

from gateway.conversation_rows import AnyRow, new_id, now, utc
from gateway.errors import BadRequest
from gateway.model_settings import BoundedSettings, ModelName, ModelSettings, Strict, Title
from gateway.room_database import RoomDatabase
from gateway.room_errors import LimitReached, NotKept
from gateway.room_limits import MAX_LABEL_CHARS, Limits
from gateway.schema import votes


class Choice(StrEnum):
    LEFT = "left"
    RIGHT = "right"
    TIE = "tie"
    BOTH_BAD = "both_bad"


class Reach(StrEnum):
    """Whose votes are counted."""

    OWN = "own"
    ROOM = "room"


class Contestant(Strict):
    """A model as it was asked. `label` tells apart two settings of the same model."""

    model: ModelName
    label: Annotated[Title, Field(max_length=MAX_LABEL_CHARS)] = ""
    settings: BoundedSettings = ModelSettings()


class NewVote(Strict):
    choice: Choice
    left: Contestant
    right: Contestant
    blind: bool = Field(True, description="the names were hidden until the vote")
    shared: bool = Field(True, description="count it, without your name, in the room's totals")


class ContestantKept(BaseModel):
    model: str
    label: str
    settings: dict[str, Any]


class Vote(BaseModel):
    id: str
    choice: Choice
    left: ContestantKept
    right: ContestantKept
    blind: bool
    shared: bool
    created_at: datetime


class VotePage(BaseModel):
    """One's own votes, the latest first; `next_cursor` is null on the last page."""

    votes: list[Vote]
    next_cursor: str | None


class Name(BaseModel):
    model: str
    label: str


class Pair(BaseModel):
    """Two contestants in alphabetical order, whichever side they stood on."""

    a: Name
    b: Name
    a_wins: int
    b_wins: int
    ties: int
    both_bad: int


class Totals(BaseModel):
    """All that a leaderboard needs: how often who won against whom."""

    votes: int
    pairs: list[Pair]


class Votes:
    """The votes of the room."""

    def __init__(self, database: RoomDatabase, limits: Limits) -> None:
        self._database = database
        self._limits = limits

    def cast(self, owner: str, new: NewVote) -> Vote:
        """Keeps a vote; raises `LimitReached`."""
        row = {
            "id": new_id("vote"),
            "owner": owner,
            "choice": new.choice.value,
            **_columns("left", new.left),
            **_columns("right", new.right),
            "blind": new.blind,
            "shared": new.shared,
            "created_at": now(),
        }
        with self._database.writing(owner) as connection:
            query = select(func.count()).select_from(votes).where(votes.c.owner == owner)
            if connection.execute(query).scalar_one() >= self._limits.votes:
                raise LimitReached(
                    f"A key may keep {self._limits.votes} votes. Delete some, then try again."
                )
            connection.execute(insert(votes).values(row))
            return _vote(_find(connection, owner, str(row["id"])))

    def page(self, owner: str, limit: int, cursor: str | None) -> VotePage:
        """Up to `limit` votes before `cursor`."""
        query = select(votes).where(votes.c.owner == owner).order_by(votes.c.number.desc())
        with self._database.reading() as connection:
            if cursor is not None:
                query = query.where(votes.c.number < _place(connection, owner, cursor))
            rows = list(connection.execute(query.limit(limit + 1)))
        following = rows[limit - 1].id if len(rows) > limit else None
        return VotePage(votes=[_vote(row) for row in rows[:limit]], next_cursor=following)

    def delete(self, owner: str, id_: str) -> None:
        """Takes a vote back."""
        with self._database.writing(owner) as connection:
            row = _find(connection, owner, id_)
            connection.execute(delete(votes).where(votes.c.number == row.number))

    def totals(self, owner: str, reach: Reach) -> Totals:
        """One's own votes counted, or those that the whole room shares."""
        table = votes.c
        columns = (table.left_model, table.left_label, table.right_model, table.right_label)
        query = select(*columns, table.choice, func.count().label("times"))
        whose = table.owner == owner if reach is Reach.OWN else table.shared
        query = query.where(whose).group_by(*columns, table.choice)
        with self._database.reading() as connection:
            return _totals(connection.execute(query))


def _totals(rows: Iterable[AnyRow]) -> Totals:
    pairs: dict[tuple[tuple[str, str], tuple[str, str]], Pair] = {}
    total = 0
    for row in rows:
        left = (row.left_model, row.left_label)
        right = (row.right_model, row.right_label)
        a, b = sorted((left, right))
        pair = pairs.setdefault((a, b), _empty_pair(a, b))
        total += row.times
        if row.choice == Choice.TIE:
            pair.ties += row.times
        elif row.choice == Choice.BOTH_BAD:
            pair.both_bad += row.times
        elif (left if row.choice == Choice.LEFT else right) == a:
            pair.a_wins += row.times
        else:
            pair.b_wins += row.times
    return Totals(votes=total, pairs=[pairs[key] for key in sorted(pairs)])


def _empty_pair(a: tuple[str, str], b: tuple[str, str]) -> Pair:
    return Pair(
        a=Name(model=a[0], label=a[1]),
        b=Name(model=b[0], label=b[1]),
        a_wins=0,
        b_wins=0,
        ties=0,
        both_bad=0,
    )


def _columns(side: str, contestant: Contestant) -> dict[str, Any]:
    return {
        f"{side}_model": contestant.model,
        f"{side}_label": contestant.label,
        f"{side}_settings": contestant.settings.given(),
    }


def _find(connection: Connection, owner: str, id_: str) -> AnyRow:
    query = select(votes).where(votes.c.id == id_, votes.c.owner == owner)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotKept(f"You have no vote with the id {id_!r}. List yours to see their ids.")
    return row


def _place(connection: Connection, owner: str, cursor: str) -> int:
    try:
        return int(_find(connection, owner, cursor).number)
    except NotKept:
        raise BadRequest(
            "`cursor` must be a `next_cursor` as it was sent; leave it out to begin anew.",
            param="cursor",
        ) from None


def _vote(row: AnyRow) -> Vote:
    left, right = (
        ContestantKept(
            model=getattr(row, f"{side}_model"),
            label=getattr(row, f"{side}_label"),
            settings=getattr(row, f"{side}_settings"),
        )
        for side in ("left", "right")
    )
    return Vote(
        id=row.id,
        choice=Choice(row.choice),
        left=left,
        right=right,
        blind=row.blind,
        shared=row.shared,
        created_at=utc(row.created_at),
    )
