"""What a process holds, as Linux accounts for it. Owns the reading of /proc; sizes in MB (10^6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def resident_mb(pid: int) -> float:
    """Memory that is in use, libraries included."""
    page = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Rss:\s+(\d+) kB$", page, re.M)
    assert found
    return int(found[1]) * 1024 / 1e6


def peak_mb(pid: int) -> float:
    """The most that was resident since the peak was last forgotten."""
    page = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", page, re.M)
    assert found
    return int(found[1]) * 1024 / 1e6


class Growth:
    """How much more was resident at the peak than at the start, in MB."""

    mb = 0.0


@contextmanager
def growth(pid: int) -> Iterator[Growth]:
    """Measures what happens inside."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # forgets the peak
    start, grown = peak_mb(pid), Growth()
    yield grown
    grown.mb = peak_mb(pid) - start


def open_files(pid: int) -> int:
    """Open descriptors: sockets, files, pipes."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))
