"""What one open tab shows: its chat, the answer under way, what it was last told.

Owns nothing but these values; `handlers` and `shelf` change them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chat_client import Summary
from gradio_ui.attached import Attached
from gradio_ui.chat import Chat
from gradio_ui.lookout import Outlook
from gradio_ui.match import Match
from gradio_ui.turn import Turn


@dataclass
class Session:
    """One browser tab; `notice` is a sentence about the chat that could not be opened.

    `place` is what `navigation` shows, `cards` what the Server page was last given,
    `told` what the row of a model says of its load, `asked` the models seen in the request log,
    `voted` why a vote is not kept.
    """

    chat: Chat = field(default_factory=Chat)
    turn: Turn | None = None
    attached: Attached = field(default_factory=Attached)
    picked: str = ""  # the model in the picker
    shown: tuple[Outlook, bool] | None = None
    thumbs: list[str | None] = field(default_factory=list)  # as the page was last told
    notice: str = ""
    deleted: Summary | None = None
    shelf_told: str = ""  # what came of the last import or export of chats
    looks: int = 0
    pages: int = 1
    utc_offset_minutes: int = 0
    place: str = "chat"
    cards: dict[str, str] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    asked: frozenset[str] = frozenset()
    loading: bool = False
    match: Match | None = None
    voted: str = ""

    @property
    def busy(self) -> bool:
        return self.chat.busy

    @property
    def playing(self) -> bool:
        return self.match is not None and not self.match.over

    @property
    def address(self) -> str:
        """The chat's id in the room, empty while it has none."""
        return self.chat.dialogue.room_id or ""
