"""Draws a conversation as Gradio chat messages.

Owns the words under and around an answer: who waits and for what, thoughts, numbers, the marks
"stopped" and "broke off". None of them is part of the text that is sent back to the model.
"""

from __future__ import annotations

import json

from chat_client import Entry, Shown, Stats, ToolCall
from chat_client.waiting import Waiting
from gradio_ui.attachment_bubbles import attachments
from gradio_ui.bubble import Bubble, code_block, folded, text_parts
from gradio_ui.chat import Chat, Exchange
from gradio_ui.pictures import Pictures

THUMBS = {"up": "Like", "down": "Dislike", None: None}
OLDER, NEWER = "\u2039", "\u203a"  # single angle quotation marks, as arrows


def transcript(chat: Chat, pictures: Pictures | None = None) -> list[Bubble]:
    """The path through the conversation that is shown, oldest message first."""
    return [bubble for _, bubble in drawn(chat, pictures)]


def drawn(chat: Chat, pictures: Pictures | None = None) -> list[tuple[str, Bubble]]:
    """The same, each bubble with the id of the message that it belongs to."""
    return [
        (shown.message.id, bubble)
        for shown in chat.dialogue.shown
        for bubble in _bubbles(shown, chat, pictures)
    ]


def thumbs(chat: Chat, rows: list[tuple[str, Bubble]]) -> list[str | None]:
    """The thumb of each of the model's bubbles, as Gradio names it; those after the last left out.

    `rows` is what `drawn` gave. All bubbles of an answer have its thumb: the page shows it below
    the text alone.
    """
    entries = chat.dialogue.entries
    names = [
        THUMBS.get(entries[id_].feedback)
        for id_, bubble in rows
        if bubble["role"] == "assistant" and "parent_id" not in bubble.get("metadata", {})
    ]
    while names and names[-1] is None:
        names.pop()
    return names


def _bubbles(shown: Shown, chat: Chat, pictures: Pictures | None) -> list[Bubble]:
    entry = shown.message
    bubbles: list[Bubble] = []
    if entry.role == "user":
        bubbles += attachments(entry, pictures)
        bubbles.append({"role": "user", "content": text_parts(entry.text)})
    elif entry.role == "assistant":
        bubbles += _answer(entry, chat.exchange(entry))
    if shown.of > 1 and entry.state != "coming":
        bubbles.append(_versions(shown))
    return bubbles


def _answer(entry: Entry, exchange: Exchange | None) -> list[Bubble]:
    bubbles: list[Bubble] = []
    if entry.reasoning:
        bubbles.append(_thought(entry))
    if entry.text:
        coming = exchange is not None and not exchange.ended
        parts = exchange.parts if exchange and coming else [entry.text]
        bubbles.append({"role": "assistant", "content": text_parts(*parts)})
    bubbles += [_tool_call(call, entry) for call in entry.tool_calls]
    if entry.tool_calls and not entry.text and entry.state == "done":
        bubbles.append(_wish(entry))
    if entry.error is not None:
        bubbles.append(folded(entry.error.message, entry.error.advice))
    if not bubbles or (entry.state != "coming" and (entry.stats or entry.error is None)):
        bubbles.append(_note(entry, exchange))
    return bubbles


def _versions(shown: Shown) -> Bubble:
    """The line with 2/3 between two arrows; the page's script takes the clicks on its links."""
    kind = "question" if shown.message.role == "user" else "answer"
    older = f"[{OLDER}](#{kind}-{shown.older_id})" if shown.older_id else OLDER
    newer = f"[{NEWER}](#{kind}-{shown.newer_id})" if shown.newer_id else NEWER
    return {"role": "assistant", "content": text_parts(f"{older} {shown.place}/{shown.of} {newer}")}


def _thought(entry: Entry) -> Bubble:
    """Folded once it has led to something; its line then names the calls that lie in it."""
    if entry.state == "coming" and not (entry.text or entry.tool_calls):
        return folded("Thinking", entry.reasoning, status="pending", id=entry.id)
    names = ", ".join(dict.fromkeys(_name(call) for call in entry.tool_calls))
    title = f"Thought · tool call: {names}" if names else "Thought"
    thought = folded(title, entry.reasoning, status="done", id=entry.id)
    if entry.reasoning_s is not None:
        thought["metadata"]["duration"] = round(entry.reasoning_s, 1)
    return thought


def _tool_call(call: ToolCall, entry: Entry) -> Bubble:
    """What the model wants done; nobody does it here. It lies in the thought that led to it."""
    try:
        arguments = json.dumps(json.loads(call.arguments), indent=2, ensure_ascii=False)
    except ValueError:  # still growing
        arguments = call.arguments
    title, block = f"Tool call: {_name(call)}", code_block(arguments, "json")
    if entry.reasoning:
        return folded(title, block, parent_id=entry.id)
    return folded(title, block, status="done")


def _wish(entry: Entry) -> Bubble:
    """In the place of a text: it says what happened, and the thumbs are below it."""
    names = " and ".join(dict.fromkeys(_name(call) for call in entry.tool_calls))
    words = f"The model wants to call {names}. No program does that here."
    return {"role": "assistant", "content": text_parts(words)}


def _name(call: ToolCall) -> str:
    name = call.name.replace("`", "'")
    return f"`{name}`"


def _note(entry: Entry, exchange: Exchange | None) -> Bubble:
    """The line below an answer, or in its place while there is none."""
    if entry.state == "stopped":
        after = f" after {entry.elapsed_s:.1f} s" if exchange else ""
        parts = [f"Stopped{after}", entry.stats.line if entry.stats else "", entry.giver]
        numbers = f"\n\n{_numbers(entry)}" if entry.stats else ""
        line = " · ".join(part for part in parts if part)
        return folded(line, f"{STOPPED}{numbers}", status="done")
    if exchange is not None and not exchange.ended:
        return folded(_waiting(exchange), WAITING[_step(exchange)], status="pending")
    line = "" if entry.stats else "The answer ended without numbers · "
    return folded(f"{line}{entry.line}", _numbers(entry), status="done")


def _step(exchange: Exchange) -> str:
    return "in line" if exchange.in_line else "loading" if exchange.loading else "reading"


def _waiting(exchange: Exchange) -> str:
    waiting = Waiting(exchange.place if exchange.in_line else 0, exchange.loading)
    if waiting.line:
        return waiting.line
    seconds = int(exchange.answer.elapsed_s)
    return "Reading your question" + (f" · {seconds} s" if seconds else "")


STOPPED = (
    "The connection to the model server was closed at once, so the model is free for the next "
    "question. What it had written stays in the conversation."
)
WAITING = {
    "in line": "Everyone whose answer is being written came before you. Your turn comes by itself.",
    "loading": "The model was not in memory yet. It is loaded once; the next question starts "
    "without this.",
    "reading": "The model reads the whole conversation before it writes the first token. "
    "The longer the conversation, the longer this takes; a model that was not loaded yet "
    "is loaded first.",
}
REASONS = {
    "stop": "the model said that it had finished",
    "length": "the limit on tokens was reached, so the answer may be cut short",
}


def _numbers(entry: Entry) -> str:
    """What stands behind the line of numbers, for those who open it."""
    stats = entry.stats
    if stats is None:
        return f"Asked of {entry.model}; the model server sent no numbers."
    rows = [f"- **Model:** {stats.model or entry.model}"]
    if stats.time_to_first_token_s is not None:
        rows.append(
            f"- **Time to first token:** {stats.time_to_first_token_s:.2f} s "
            "from sending the question to the first piece of the answer"
        )
    if stats.tokens_per_second is not None:
        rows.append(f"- **Speed:** {stats.tokens_per_second:.1f} tokens per second after that")
    if stats.prompt_tokens is not None:
        rows.append(f"- **Tokens read:** {stats.prompt_tokens:,} (the whole conversation so far)")
    if stats.written:
        rows.append(f"- **Tokens written:** {stats.written}{_counted(stats)}")
    if stats.ending:
        rows.append(f"- **Why it ended:** {REASONS.get(stats.finish_reason or '', stats.ending)}")
    return "\n".join(rows)


def _counted(stats: Stats) -> str:
    counted_here = stats.completion_tokens is None
    return " (the pieces that came; the server sent no count)" if counted_here else ""
