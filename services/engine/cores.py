"""How many CPU threads llama.cpp should use here: one per physical core that we may use.

Two threads on one core (SMT) slow llama.cpp down, and a container may be held to a part of the
machine; `os.cpu_count()` knows of neither.
"""

from __future__ import annotations

import os
from pathlib import Path

CPUS = Path("/sys/devices/system/cpu")
QUOTA = Path("/sys/fs/cgroup/cpu.max")


def physical_cores(cpus: Path = CPUS, quota: Path = QUOTA) -> int:
    """Physical cores among the CPUs of this process, at most the container's quota; at least 1."""
    usable = _usable()
    cores = {_siblings(cpus, cpu) for cpu in usable}
    return max(1, min(len(cores), _quota(quota) or len(cores)))


def _usable() -> set[int]:
    try:
        return os.sched_getaffinity(0)
    except AttributeError:  # not on Linux
        return set(range(os.cpu_count() or 1))


def _siblings(cpus: Path, cpu: int) -> str:
    """The same text for all CPUs of one core; where nothing is known, each is its own core."""
    try:
        return (cpus / f"cpu{cpu}/topology/thread_siblings_list").read_text().strip()
    except OSError:
        return str(cpu)


def _quota(path: Path) -> int | None:
    """Whole CPUs that the control group allows, from `max 100000` or `150000 100000`."""
    try:
        allowed, period = path.read_text().split()
        return max(1, int(allowed) // int(period))
    except (OSError, ValueError):
        return None
