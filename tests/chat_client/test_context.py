"""The context meter: guessed at first, then held to what the server counted."""

from __future__ import annotations

from chat_client import (
    ChatSettings,
    Dialogue,
    Finished,
    Image,
    Message,
    Sampling,
    Stats,
    TextFile,
    TokenMemory,
    drop_oldest,
    measure_context,
    stream_answer,
)
from tests.running import Service

SYSTEM = Message("system", "Be brief.")
LONG = "The quick brown fox jumps over the lazy dog. " * 20


def counted(tokens: int | None) -> Stats:
    return Stats(None, None, tokens, 5, "stop", "tiny")


def test_before_the_first_answer_it_is_an_estimate() -> None:
    file = TextFile("notes.md", LONG, len(LONG))
    picture = Image("a.png", "image/png", "data:,", 1)
    use = measure_context([SYSTEM, Message("user", "What?", (picture,), (file,))], 4096)
    assert use.estimated
    assert use.line.startswith("about ")
    assert use.files > use.system > 0
    assert use.used + use.answer + (use.free or 0) == 4096
    assert (use.falls_out, use.full) == ((), False)


def test_what_the_server_counted_is_exact_and_teaches_the_rest() -> None:
    memory = TokenMemory()
    asked = [SYSTEM, Message("user", LONG)]
    memory.learn(asked, counted(500))
    use = measure_context(asked, 4096, memory)
    assert (use.used, use.estimated) == (500, False)
    assert memory.learnt
    assert memory.chars_per_token < 2
    more = [*asked, Message("assistant", "Yes."), Message("user", "Why?")]
    use = measure_context(more, 4096, memory)
    assert use.estimated
    assert 500 < use.used < 520


def test_a_server_that_counts_nothing_teaches_nothing() -> None:
    memory = TokenMemory()
    memory.learn([SYSTEM], counted(None))
    memory.learn([SYSTEM], counted(0))
    assert not memory.learnt
    assert measure_context([SYSTEM], 4096, memory).estimated


def test_what_falls_out_next_is_named_and_can_be_dropped() -> None:
    old = [Message("user", LONG), Message("assistant", LONG)]
    new = [Message("user", LONG), Message("assistant", LONG), Message("user", "And now?")]
    messages = [SYSTEM, *old, *new]
    use = measure_context(messages, 1024)
    assert use.full
    assert use.falls_out == tuple(old)
    assert use.oldest == " ".join(old[0].content.split())[:59] + "…"
    assert drop_oldest(messages, 1024) == (SYSTEM, *new)
    # The last question stays, even when it alone is too much.
    assert drop_oldest([SYSTEM, *old, Message("user", LONG * 9)], 1024)[1:] == (
        Message("user", LONG * 9),
    )


def test_a_window_that_nobody_tells_is_never_full() -> None:
    use = measure_context([Message("user", LONG)], None)
    assert (use.window, use.free, use.share, use.full) == (None, None, None, False)


async def test_the_meter_agrees_with_the_real_engine(engine: Service) -> None:
    dialogue, memory = Dialogue(system_prompt="You are a patient teacher."), TokenMemory()
    settings = ChatSettings(lmstudio_url=engine.url)
    told: list[int] = []
    guesses: list[int] = []
    for question in ("What is a token, and why do models count in them?", "What is sampling?"):
        turn = dialogue.ask(question, "lectern-101@q8_0")
        guesses.append(measure_context(turn.messages, 1024, memory).used)
        sampling = Sampling(temperature=0.0, max_tokens=40)
        async for piece in stream_answer(settings, turn.answer.model, turn.messages, sampling):
            turn.take(piece)
            if isinstance(piece, Finished):
                memory.learn(turn.messages, piece.stats)
        turn.answer.end()
        assert turn.stats is not None
        assert turn.stats.prompt_tokens is not None
        told.append(turn.stats.prompt_tokens)
        assert measure_context(turn.messages, 1024, memory).used == turn.stats.prompt_tokens
    # Once it has learnt, it guesses the next question well.
    assert abs(guesses[1] - told[1]) <= 0.25 * told[1]


def test_what_goes_first_is_named_while_there_is_room() -> None:
    told = [SYSTEM, Message("user", "Who wrote it?"), Message("assistant", "I did.")]
    use = measure_context([*told, Message("user", "")], 1024)
    assert (use.oldest, use.full) == ("Who wrote it?", False)
    assert [name for name, _ in use.parts][:2] == ["system prompt", "history"]
    assert sum(tokens for _, tokens in use.parts) == use.used + use.answer
