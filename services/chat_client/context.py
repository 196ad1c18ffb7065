"""How full a model's context is: system prompt, history, files, and what is left for the answer.

Owns: the estimate (characters per token, learnt from the server's own counts), what falls out
next, and cutting a conversation to fit. The server has no route that counts, so that nothing is
exact before it has answered once: `estimated` says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from chat_client.attachments import CHARS_PER_TOKEN, IMAGE_TOKENS
from chat_client.messages import Message, Stats
from chat_client.one_line import one_line

FRAME_TOKENS = 4  # a message's role and marks, in most chat templates
FEWEST_CHARS, MOST_CHARS = 1.0, 8.0  # per token: beyond these a count is no measure of text
ANSWER_TOKENS = 256  # room for an answer, where no limit was set
FULL_SHARE = 0.95
BEGINNING_CHARS = 60


@dataclass
class TokenMemory:
    """What is known of a model's tokens in one conversation; `learn` after each answer."""

    chars_per_token: float = CHARS_PER_TOKEN
    learnt: bool = False
    _exact: dict[tuple[Message, ...], int] = field(default_factory=dict)

    def learn(self, messages: Sequence[Message], stats: Stats) -> None:
        """Takes in the server's count of what it was sent; one without a count teaches nothing."""
        if not stats.prompt_tokens:
            return
        told = tuple(messages)
        self._exact = {told: stats.prompt_tokens}
        images = sum(len(message.images) for message in told)
        text_tokens = stats.prompt_tokens - FRAME_TOKENS * len(told) - IMAGE_TOKENS * images
        chars = sum(len(message.text) for message in told)
        # A short text says little of the ratio, and pictures would drown it.
        if text_tokens >= 16 and not images:
            ratio = chars / text_tokens
            self.chars_per_token = min(MOST_CHARS, max(FEWEST_CHARS, ratio))
            self.learnt = True

    def tokens(self, text: str) -> int:
        """About how many tokens a text takes."""
        return -int(-len(text) // self.chars_per_token)

    def counted_start(self, messages: Sequence[Message]) -> tuple[int, int]:
        """How many of the first messages were counted by the server, and their tokens."""
        for known, tokens in self._exact.items():
            if tuple(messages[: len(known)]) == known:
                return len(known), tokens
        return 0, 0


@dataclass(frozen=True, slots=True)
class ContextUse:
    """Tokens by part against the window; `window` is None when the server does not tell it.

    `answer` is the room kept for the next answer. `falls_out`: the oldest messages that have to go
    for it to fit, in order; `oldest`: the beginning of what goes first once something has to.
    `full`: a choice is due (drop the oldest, or stop and start anew).
    """

    system: int
    history: int
    files: int
    answer: int
    window: int | None
    estimated: bool
    falls_out: tuple[Message, ...] = ()
    oldest: str = ""

    @property
    def parts(self) -> tuple[tuple[str, int], ...]:
        """Name and tokens of each part, in the order in which a bar stacks them."""
        return (
            ("system prompt", self.system),
            ("history", self.history),
            ("files", self.files),
            ("kept free for the answer", self.answer),
        )

    @property
    def used(self) -> int:
        """What the next question sends, without the answer."""
        return self.system + self.history + self.files

    @property
    def free(self) -> int | None:
        """What is left beyond the room for the answer; 0 when nothing is."""
        return None if self.window is None else max(0, self.window - self.used - self.answer)

    @property
    def share(self) -> float | None:
        """The part of the window that is used, above 1 when it does not fit."""
        return None if not self.window else self.used / self.window

    @property
    def full(self) -> bool:
        return bool(self.falls_out) or (self.share or 0.0) >= FULL_SHARE

    @property
    def line(self) -> str:
        """For example `about 310 of 1,024 tokens`."""
        about = "about " if self.estimated else ""
        window = f" of {self.window:,}" if self.window else ""
        return f"{about}{self.used:,}{window} tokens"


def measure_context(
    messages: Sequence[Message],
    window: int | None,
    memory: TokenMemory | None = None,
    answer_tokens: int | None = None,
) -> ContextUse:
    """How the messages of the next question fill a window of tokens.

    `answer_tokens`: the limit on the answer that was set, None for none.
    """
    memory = memory or TokenMemory()
    system = sum(_plain(m, memory) for m in messages if m.role == "system")
    files = sum(_attached(m, memory) for m in messages)
    history = sum(_plain(m, memory) for m in messages if m.role != "system")
    start, counted = memory.counted_start(messages)
    estimated = start < len(messages)
    if start:  # the counted part is exact: the difference belongs to what was said
        guessed = sum(_cost(message, memory) for message in messages[:start])
        history = max(0, history + counted - guessed)
    answer = answer_tokens or ANSWER_TOKENS
    if window is not None:
        answer = min(answer, window // 4)
    dropped: tuple[Message, ...] = ()
    if window is not None and system + files + history + answer > window:
        kept = drop_oldest(messages, window, memory, answer_tokens)
        remaining = set(map(id, kept))
        dropped = tuple(message for message in messages if id(message) not in remaining)
    oldest = next((m.content for m in messages[:-1] if m.role != "system" and m.content), "")
    return ContextUse(
        system,
        history,
        files,
        answer,
        window,
        estimated,
        dropped,
        one_line(oldest, BEGINNING_CHARS),
    )


def drop_oldest(
    messages: Sequence[Message],
    window: int,
    memory: TokenMemory | None = None,
    answer_tokens: int | None = None,
) -> tuple[Message, ...]:
    """The messages without the oldest exchanges, so that an answer fits.

    The system prompt and the last question always stay, even when they alone are too much.
    """
    memory = memory or TokenMemory()
    room = window - min(answer_tokens or ANSWER_TOKENS, window // 4)
    system = [message for message in messages if message.role == "system"]
    others = [message for message in messages if message.role != "system"]
    while len(others) > 1 and sum(_cost(m, memory) for m in [*system, *others]) > room:
        del others[0]
        while len(others) > 1 and others[0].role != "user":  # never begin with an answer
            del others[0]
    return (*system, *others)


def _cost(message: Message, memory: TokenMemory) -> int:
    return _plain(message, memory) + _attached(message, memory)


def _plain(message: Message, memory: TokenMemory) -> int:
    calls = sum(memory.tokens(call.name + call.arguments) for call in message.tool_calls)
    return memory.tokens(message.content) + calls + FRAME_TOKENS


def _attached(message: Message, memory: TokenMemory) -> int:
    texts = sum(memory.tokens(file.as_context) for file in message.files)
    return texts + sum(image.tokens for image in message.images)
