"""What the gateway counts about its requests.

Owns the tallies, which every request adds to: plain numbers, since locks and label look-ups would
cost more than what is counted. Their names and the text that Prometheus reads are `metrics_page`'s
matter. The kinds of labels are bounded: routes, outcomes, and so many models.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial

from gateway.admission import Admission
from gateway.fair_queue import FairQueue
from gateway.upstreams import Upstreams
from gateway.visit import Visit

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
TOKEN_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1)
OVERHEAD_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25)
TOKENS = tuple(4**power for power in range(14))  # as in OpenTelemetry's conventions
MAX_MODELS = 100
# Values are counted after so many requests at the latest: they must not fill the memory.
FOLD_AFTER = 512


class Spread:
    """A histogram: how many values lay at or below each bound, and their sum.

    `note` adds a value at the price of a list's append; `fold` counts what was added, many at once.
    """

    __slots__ = ("_counts", "_fresh", "_total", "bounds", "note")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self._total = 0.0
        self._counts = [0] * (len(bounds) + 1)
        self._fresh: list[float] = []
        self.note: Callable[[float], None] = self._fresh.append

    def fold(self) -> None:
        """Counts the values that were added since the last time."""
        for place, count in Counter(map(partial(bisect_left, self.bounds), self._fresh)).items():
            self._counts[place] += count
        self._total += sum(self._fresh)
        self._fresh.clear()

    @property
    def total(self) -> float:
        """The sum of all values."""
        self.fold()
        return self._total

    def buckets(self) -> list[tuple[str, float]]:
        """Prometheus' buckets: each upper bound with all the values up to it."""
        self.fold()
        found: list[tuple[str, float]] = []
        count = 0
        for bound, more in zip([*map(str, self.bounds), "+Inf"], self._counts, strict=True):
            count += more
            found.append((bound, count))
        return found


class Metrics:
    """The tallies of one gateway."""

    def __init__(self, admission: Admission, upstreams: Upstreams) -> None:
        self._admission = admission
        self.upstreams = upstreams
        self._models: set[str] = set()
        self.requests: Counter[tuple[str, str]] = Counter()  # by route and outcome
        self.tokens: dict[tuple[str, str], Spread] = {}  # by input or output, and model
        self.answered: Counter[str] = Counter()  # by model server
        self.truncated = 0
        self._fresh = 0
        self.duration = Spread(SECONDS)
        self.first_token = Spread(SECONDS)
        self.token_gap = Spread(TOKEN_SECONDS)
        self.queue_wait = Spread(SECONDS)
        self.overhead = Spread(OVERHEAD_SECONDS)

    def note(self, visit: Visit) -> None:
        """Takes note of a request that has ended."""
        self.requests[visit.route.path, visit.outcome] += 1
        if visit.answer is not None:
            self.answered[visit.answer.server] += 1
        if visit.outcome == "truncated":
            self.truncated += 1
        if not visit.opened_at or not visit.route.takes_slot:
            return
        self._fresh += 1
        if self._fresh >= FOLD_AFTER:
            self._fold()
        self.duration.note(visit.ended_at - visit.began)
        self.queue_wait.note(visit.queue_s)
        self.overhead.note(visit.overhead_ms / 1000)
        usage, model = visit.usage, self.label(visit.ask.model)
        self._note_tokens("input", model, usage.prompt_tokens)
        self._note_tokens("output", model, usage.completion_tokens)
        first_s = visit.first_token_s
        if first_s is None or visit.first_at is None or visit.last_at is None:
            return
        if usage.completion_tokens:  # an embedding by WebSocket has none
            self.first_token.note(first_s)
        if usage.completion_tokens > 1:
            span = visit.last_at - visit.first_at
            self.token_gap.note(span / (usage.completion_tokens - 1))

    def _fold(self) -> None:
        self._fresh = 0
        waits = (self.duration, self.first_token, self.token_gap, self.queue_wait, self.overhead)
        for spread in (*waits, *self.tokens.values()):
            spread.fold()

    def _note_tokens(self, kind: str, model: str, count: int) -> None:
        """What was not used, such as an embedding's output or a refusal's input, is no value."""
        if count:
            spread = self.tokens.get((kind, model))
            if spread is None:
                spread = self.tokens[kind, model] = Spread(TOKENS)
            spread.note(count)

    @property
    def queues(self) -> Mapping[str, FairQueue]:
        """The queue of each model as it is now."""
        return self._admission.queues

    def label(self, model: str) -> str:
        """A model's name while there are few of them: callers must not fill the memory."""
        if model not in self._models and len(self._models) < MAX_MODELS:
            self._models.add(model)
        return model if model in self._models else "other"
