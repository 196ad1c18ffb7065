"""One picture: where it is taken and what is done before.

Owns nothing of how a page works: a scene is a name, an address and some gestures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from playwright.sync_api import Page

from tests.pictures.stage import Stage


@dataclass(frozen=True)
class Scene:
    """A picture's name in docs/pictures/, its page, and the gestures that lead to it.

    `stored`: what the browser keeps from an earlier visit.
    """

    name: str
    url: Callable[[Stage], str]
    play: Callable[[Page], None]
    phone: bool = False
    stored: Mapping[str, str] = field(default_factory=dict)
