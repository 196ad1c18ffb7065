"""What the tray's buttons do: files added and removed, the oldest messages left out.

Owns one browser tab's attached files between being brought and being sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import gradio as gr

from gradio_ui.locker import Locker
from gradio_ui.session import Session
from gradio_ui.view import View

PROBLEM_CHARS = 300


class TrayHandlers:
    """The handlers of the tray; one instance serves every session."""

    def __init__(self, arrived: Locker, view: View) -> None:
        self._arrived = arrived
        self._view = view

    async def act(self, session: Session, event: gr.EventData) -> Any:
        """One of the buttons, or files that were chosen, pasted or dropped."""
        told: dict[str, Any] = event._data or {}
        action = told.get("do")
        if action == "add":
            await self._add(session, told)
        elif action == "remove":
            session.attached = session.attached.without(_number(told.get("number")))
        elif action == "leave-out":
            session.chat.leave_out_oldest = True
        return self._view.tray(session)

    async def picked(self, session: Session, model: str | None) -> Any:
        """Another model may see pictures or not, and has a context of another length."""
        session.picked = model or ""
        return self._view.tray(session)

    async def _add(self, session: Session, told: dict[str, Any]) -> None:
        attached = session.attached.without(len(session.attached.items))  # old troubles are over
        for problem in _texts(told.get("problems")):
            attached = attached.telling(problem[:PROBLEM_CHARS])
        for key in _texts(told.get("keys")):
            file = self._arrived.take(key)
            if file is not None:
                attached = await attached.with_file(file)
        session.attached = attached


def _texts(value: Any) -> Iterable[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _number(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 0
