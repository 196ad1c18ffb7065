"""How many tokens a call of an `lmstudio` SDK reads and writes: estimated before, counted after.

Owns where the SDKs' frames state them: fragments as they come, the statistics at the end. An
embedding's call states none.
"""

from __future__ import annotations

from typing import Any

from gateway.ask import USUAL_COMPLETION_TOKENS, Ask
from gateway.sdk_frames import CHANNEL, Opening, settings_in
from gateway.usage import BYTES_PER_TOKEN, Usage

MAX_WANTED = 1_000_000


def estimated(opening: Opening, model: str, works: bool) -> Ask:
    """What limits and the queue reserve for a call."""
    if not works:
        return Ask(b"", model, prompt_tokens=0)
    text = opening.parameter.get("inputString")
    chars = len(text) if isinstance(text, str) else len(opening.text)
    written = 0
    if opening.kind == CHANNEL:
        written = _wanted(opening) or USUAL_COMPLETION_TOKENS
    return Ask(b"", model, False, max(1, chars // BYTES_PER_TOKEN), written)


def count(message: dict[str, Any], usage: Usage) -> None:
    """Adds what a message of the model server says."""
    fragment, stats = message.get("fragment"), message.get("stats")
    if isinstance(fragment, dict):
        tokens = fragment.get("tokensCount")
        usage.completion_tokens += tokens if isinstance(tokens, int) and tokens > 0 else 1
    if isinstance(stats, dict):
        read, written = stats.get("promptTokensCount"), stats.get("predictedTokensCount")
        if isinstance(read, int) and isinstance(written, int) and min(read, written) >= 0:
            usage.prompt_tokens, usage.completion_tokens, usage.exact = read, written, True


def _wanted(opening: Opening) -> int | None:
    """The length of an answer that the caller sets, or None."""
    for field in settings_in(opening.parameter.get("predictionConfigStack")):
        value = field.get("value")
        if field.get("key") == "llm.prediction.maxPredictedTokens" and isinstance(value, dict):
            limit = value.get("value")
            if value.get("checked") and isinstance(limit, int) and limit > 0:
                return min(limit, MAX_WANTED)
    return None
