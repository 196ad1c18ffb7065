"""Draws a conversation as Gradio chat messages.

Owns the words under and around an answer: who waits and for what, thoughts, numbers, the marks
"stopped" and "broke off". None of them is part of the text that is sent back to the model.
"""

from __future__ import annotations

from typing import Literal, TypedDict

from gradio_ui.chat import Chat, Exchange


class Text(TypedDict):
    """A message's text as Gradio keeps it; a bare string would lose its indentation there."""

    type: Literal["text"]
    text: str


class Bubble(TypedDict, total=False):
    """One Gradio chat message in the form that `gr.Chatbot` takes."""

    role: Literal["user", "assistant"]
    content: list[Text]
    metadata: dict[str, str | float]


def transcript(chat: Chat) -> list[Bubble]:
    """The whole conversation, oldest message first."""
    return [bubble for exchange in chat.exchanges for bubble in _bubbles(exchange)]


def _bubbles(exchange: Exchange) -> list[Bubble]:
    bubbles: list[Bubble] = [{"role": "user", "content": _text(exchange.question)}]
    if exchange.reasoning:
        bubbles.append(_thought(exchange))
    if exchange.text:
        bubbles.append({"role": "assistant", "content": _text(exchange.text)})
    if exchange.ended or not (exchange.text or exchange.reasoning):
        bubbles.append(_note(exchange))
    return bubbles


def _thought(exchange: Exchange) -> Bubble:
    if exchange.phase == "thinking":
        return _folded("Thinking", exchange.reasoning, status="pending")
    thought = _folded("Thought", exchange.reasoning, status="done")
    if exchange.thought_s is not None:
        thought["metadata"]["duration"] = round(exchange.thought_s, 1)
    return thought


def _note(exchange: Exchange) -> Bubble:
    """The line below an answer, or in its place while there is none."""
    if exchange.phase == "failed" and exchange.error is not None:
        return _folded(exchange.error.message, exchange.error.advice)
    if exchange.phase == "stopped":
        return _folded(f"Stopped after {exchange.elapsed_s:.1f} s", STOPPED, status="done")
    if exchange.phase == "done":
        line = exchange.stats.line if exchange.stats else "The answer ended without numbers"
        return _folded(line, _numbers(exchange), status="done")
    return _folded(_waiting(exchange), WAITING[exchange.phase], status="pending")


def _waiting(exchange: Exchange) -> str:
    if exchange.phase == "in line" and exchange.place:
        return f"Waiting in line: {_ordinal(exchange.place)}"
    seconds = int(exchange.elapsed_s)
    return "Reading your question" + (f" · {seconds} s" if seconds else "")


STOPPED = (
    "You pressed Stop. The connection to the model server was closed at once, so the model is free "
    "for the next question. What it had written stays in the conversation."
)
WAITING = {
    "in line": "Everyone whose answer is being written came before you. Your turn comes by itself.",
    "reading": "The model reads the whole conversation before it writes the first token. "
    "The longer the conversation, the longer this takes; a model that was not loaded yet "
    "is loaded first.",
}
REASONS = {
    "stop": "the model said that it had finished",
    "length": "the limit on tokens was reached, so the answer may be cut short",
    "content_filter": "a filter of the model server ended it",
}


def _numbers(exchange: Exchange) -> str:
    """What stands behind the line of numbers, for those who open it."""
    stats = exchange.stats
    if stats is None:
        return f"Asked of {exchange.model}; the model server sent no numbers."
    rows = [f"- **Model:** {stats.model or exchange.model}"]
    if stats.time_to_first_token_s is not None:
        rows.append(
            f"- **Time to first token:** {stats.time_to_first_token_s:.2f} s "
            "from sending the question to the first piece of the answer"
        )
    if stats.tokens_per_second is not None:
        rows.append(f"- **Speed:** {stats.tokens_per_second:.1f} tokens per second after that")
    if stats.prompt_tokens is not None:
        rows.append(f"- **Tokens read:** {stats.prompt_tokens:,} (the whole conversation so far)")
    if stats.completion_tokens is not None:
        rows.append(f"- **Tokens written:** {stats.completion_tokens:,}")
    if stats.finish_reason:
        reason = REASONS.get(stats.finish_reason, stats.finish_reason)
        rows.append(f"- **Why it ended:** {reason}")
    return "\n".join(rows)


def _folded(title: str, content: str, status: Literal["pending", "done"] | None = None) -> Bubble:
    """A line that opens on a click; Gradio folds it when done and turns a wheel while pending."""
    metadata: dict[str, str | float] = {"title": title}
    if status:
        metadata["status"] = status
    return {"role": "assistant", "content": _text(content), "metadata": metadata}


def _text(text: str) -> list[Text]:
    return [{"type": "text", "text": text}]


def _ordinal(place: int) -> str:
    suffix = "th" if 10 <= place % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{suffix}"
