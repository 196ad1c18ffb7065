"""What one key may use: requests and tokens per minute, requests at once, tokens per day.

Owns what every store of limits has in common: reserving before and settling after, so that a burst
cannot pass a limit and a refused request costs nothing; the sentences; the figures in an answer's
head. Minutes are moving windows, days are UTC. `memory_limits` counts for one gateway,
`valkey_limits` for many.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from gateway.errors import RateLimited
from gateway.keys import Key

MINUTE_S = 60
DAY_S = 86_400
Headers = list[tuple[bytes, bytes]]


@dataclass(slots=True)
class Reservation:
    """What a running request holds. `settle` may be called any number of times; once counts.

    `second` and `day` are those of the store's clock when it was taken; `headers` are for its
    answer.
    """

    key: Key
    tokens: int
    second: int
    day: int
    headers: Headers
    id: str = ""
    settled: bool = False


class RateLimits(Protocol):
    """The limits of all keys. As a context it holds what the store needs to run."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    async def reserve(self, key: Key, tokens: int) -> Reservation:
        """Takes one request and `tokens` from the key; raises `RateLimited` and takes nothing.

        Raises `LimitsAway` when the store does not answer in time.
        """

    async def settle(self, reservation: Reservation, used: int) -> None:
        """Books the tokens that were really used instead of the estimate. Never raises.

        used = 0 says that the model server was never asked: all is given back, the request too.
        """

    async def wants_today(self) -> bool:
        """Whether the day's usage should be read from the ledger: it is not counted here yet."""

    async def seed_today(self, tokens_by_owner: dict[str, int]) -> None:
        """Counts what the ledger knows of today: a restart must not refill a daily budget."""

    def tidy(self) -> None:
        """Lets go of what counts no longer."""


def too_many_at_once(limit: int) -> RateLimited:
    return RateLimited(
        f"This key may have {limit} requests at once. Wait for one to end.",
        retry_after_s=1,
        kind="requests",
    )


def too_many_requests(limit: int, free_in_s: float) -> RateLimited:
    return RateLimited(
        f"This key may make {limit} requests per minute.",
        retry_after_s=_whole(free_in_s),
        kind="requests",
        figures=request_figures(limit, limit, free_in_s),
    )


def too_many_tokens(limit: int, tokens: int, taken: int, free_in_s: float) -> RateLimited:
    return _out_of_tokens("minute", limit, tokens, taken, free_in_s)


def budget_spent(limit: int, tokens: int, taken: int, free_in_s: float) -> RateLimited:
    return _out_of_tokens("day", limit, tokens, taken, free_in_s)


def _out_of_tokens(per: str, limit: int, tokens: int, taken: int, free_in_s: float) -> RateLimited:
    minute = per == "minute"
    kind = "tokens" if minute else "quota"
    figures = token_figures(limit, taken, free_in_s) if minute else ()
    if tokens > limit:
        return RateLimited(
            f"This request may use {tokens} tokens, but this key has {limit} per {per}. "
            "Shorten it or set a smaller max_tokens.",
            retry_after_s=None,  # it never fits
            kind=kind,
            figures=figures,
        )
    return RateLimited(
        f"This key may use {limit} tokens per {per}, and {taken} are taken.",
        retry_after_s=_whole(free_in_s),
        kind=kind,
        figures=figures,
    )


def _whole(seconds: float) -> int:
    return max(1, math.ceil(seconds))


def request_figures(limit: int, taken: int, reset_s: float) -> Headers:
    """The figures under the names that OpenAI's API gives them. `reset_s`: until more is free."""
    return [
        (b"x-ratelimit-limit-requests", b"%d" % limit),
        (b"x-ratelimit-remaining-requests", b"%d" % max(0, limit - taken)),
        (b"x-ratelimit-reset-requests", b"%ds" % math.ceil(reset_s)),
    ]


def token_figures(limit: int, taken: int, reset_s: float) -> Headers:
    """As `request_figures`, of tokens."""
    return [
        (b"x-ratelimit-limit-tokens", b"%d" % limit),
        (b"x-ratelimit-remaining-tokens", b"%d" % max(0, limit - taken)),
        (b"x-ratelimit-reset-tokens", b"%ds" % math.ceil(reset_s)),
    ]
