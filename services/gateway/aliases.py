"""Other names for models: those of the setting, and those that are changed while it runs.

Owns one file in the data folder, a line `name=model` each, which `lectern aliases` writes and a
running gateway reads again when it has changed. Its lines win over GATEWAY_ALIASES. A file that
cannot be read changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

FILE_NAME = "aliases"
POLL_S = 1.0
log = logging.getLogger(__name__)


class Aliases(Mapping[str, str]):
    """Real names by other names."""

    def __init__(self, setting: Mapping[str, str], folder: Path) -> None:
        self._setting = dict(setting)
        self._path = folder / FILE_NAME
        self._seen: tuple[int, int] | None = None
        self._now = self._setting
        self.read()

    def __getitem__(self, name: str) -> str:
        return self._now[name]

    def real(self, name: str) -> str:
        """The real name behind another one, or the name itself."""
        return self._now.get(name, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._now)

    def __len__(self) -> int:
        return len(self._now)

    def read(self) -> None:
        """Reads the file if it has changed."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self._seen, self._now = None, self._setting
            return
        if (found.st_mtime_ns, found.st_size) == self._seen:
            return
        self._seen = found.st_mtime_ns, found.st_size
        try:
            self._now = self._setting | read_aliases(self._path.read_text().replace("\n", ","))
        except (OSError, ValueError) as error:
            log.warning("the file of aliases is left as it was before: %s", error)

    async def follow(self) -> None:
        """Keeps up with the file until cancelled."""
        while True:
            await asyncio.sleep(POLL_S)
            self.read()

    def change(self, changes: Mapping[str, str]) -> None:
        """Writes the file anew, in one step; an empty model takes a name away."""
        own = {name: model for name, model in self._now.items() if name not in self._setting}
        own |= {name: self._now[name] for name in self._setting if self._differs(name)}
        own |= changes
        lines = "".join(f"{name}={model}\n" for name, model in sorted(own.items()) if model)
        fresh = self._path.with_suffix(".new")
        fresh.write_text(lines)
        fresh.replace(self._path)
        self.read()

    def _differs(self, name: str) -> bool:
        return self._now[name] != self._setting[name]


def read_aliases(text: str) -> dict[str, str]:
    """`a=b,c=d` as a mapping; raises ValueError naming the part that is wrong."""
    aliases: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, model = (word.strip() for word in part.partition("="))
        if not (name and equals and model):
            raise ValueError(f"the part {part!r} must look like gpt-4o-mini=lectern-101")
        aliases[name] = model
    return aliases
