"""The one error that chat_client raises: a sentence about what was wrong, and one thing to do.

Owns: ChatError alone. How a foreign failure becomes one is in `diagnosis`.
"""

from __future__ import annotations


class ChatError(Exception):
    """Something between the person and the model failed.

    `message` says what, `advice` says what to do; both are plain sentences for a page, and neither
    holds a prompt, an answer or a key.
    """

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message} {self.advice}".strip()
