"""The mark: a file that tells a running gateway at once that keys have changed.

Owns one file in the data folder that grows by a byte with every change, whichever process makes it.
Its size is read on every request (one lseek, well below a microsecond), so it must be cheap and
exact: a file's time of change is neither, two changes within a clock tick share it. The database
stays the truth; a gateway on another machine, which cannot see this file, polls it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

FILE_NAME = "keys-changed"
ABSENT = -1


class KeyMark:
    """The mark in one data folder. Opens its file at first use."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._descriptor = ABSENT

    def read(self) -> int:
        """A number that differs after every change; `ABSENT` while there is no file."""
        if self._descriptor < 0:
            self.reopen()
            if self._descriptor < 0:
                return ABSENT
        return os.lseek(self._descriptor, 0, os.SEEK_END)

    def reopen(self) -> None:
        """Opens the file anew: the data folder may have been emptied under a running gateway."""
        self.close()
        with contextlib.suppress(OSError):
            self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def bump(self) -> None:
        """Tells every reader; call it after the change is committed.

        A full disk must not turn a committed change into an error: polling finds it then.
        """
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        with contextlib.suppress(OSError):
            descriptor = os.open(self._path, flags, 0o600)
            try:
                os.write(descriptor, b".")
            finally:
                os.close(descriptor)

    def close(self) -> None:
        """Closes the file; a later read opens it again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = ABSENT

    def __repr__(self) -> str:
        return f"<KeyMark {self.read()}>"
