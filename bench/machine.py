"""The machine under a benchmark: cores, the kernel's CPU accounts, memory, compiled helpers.

Owns everything that reads /proc or pins a process. Linux only. It knows no gateway.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
GATEWAY_CORE, LOAD_CORE = 0, 1


def cache_folder() -> Path:
    """Where peers and compiled programs live: outside the repository."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "lectern-bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def compile_helper(name: str) -> Path:
    """Compiles `bench/<name>.c` with the system's C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise SystemExit("A C compiler is needed (for example: apt install gcc libc6-dev).")
    target = cache_folder() / name
    subprocess.run(
        [compiler, "-O2", "-Wall", "-Wextra", "-o", str(target), str(HERE / f"{name}.c")],
        check=True,
    )
    return target


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on right now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def raise_priority(niceness: int) -> None:
    """Puts this program and what it starts before other work on a shared machine (as root)."""
    group = Path("/proc/self/autogroup")  # where it exists, niceness counts inside a session only
    if niceness and group.exists():
        group.write_text(str(niceness))


def raise_family(niceness: int) -> None:
    """The same for programs started since that made sessions of their own, as browsers do."""
    for pid in tree(os.getpid()):
        group = Path(f"/proc/{pid}/autogroup")
        with contextlib.suppress(OSError):
            if niceness and group.exists():
                group.write_text(str(niceness))


def start(
    command: Sequence[str],
    core: int | None,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
    priority: int = 0,
    stdout: int | None = None,
) -> subprocess.Popen[str]:
    """Starts a process, on one core if one is named; what it says goes to `log`, standard output
    to `stdout`."""

    def pin() -> None:
        if core is not None:
            os.sched_setaffinity(0, {core})
        if priority:
            os.setpriority(os.PRIO_PROCESS, 0, priority)

    with log.open("ab") if log else contextlib.nullcontext(subprocess.DEVNULL) as errors:
        return subprocess.Popen(
            list(command),
            env=None if env is None else dict(env),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=errors if stdout is None else stdout,
            stderr=errors,
            preexec_fn=pin,
            text=True,
        )


def stop(process: subprocess.Popen[str]) -> None:
    """Ends a process and what it started, by their ids."""
    family = tree(process.pid)
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(8)
    for pid in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


@contextmanager
def running(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """Ends the process on the way out."""
    try:
        yield process
    finally:
        stop(process)


def tree(pid: int) -> list[int]:
    """The process and its living descendants."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += [int(child) for child in children.read_text().split()]
    return found


def cpu_ns(pid: int) -> int:
    """Nanoseconds on a CPU of every living thread of the process and its descendants."""
    total = 0
    for member in tree(pid):
        for account in Path(f"/proc/{member}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                total += int(account.read_text().split()[0])
    return total


def rss_mb(pid: int) -> float:
    """Resident memory of the process and its descendants, in MB (10^6 bytes); shared pages count
    in each."""
    pages = 0
    for member in tree(pid):
        with contextlib.suppress(OSError):
            pages += int(Path(f"/proc/{member}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def wait_for(condition: Callable[[], bool], what: str, timeout_s: float) -> float:
    """Polls every 2 ms; returns the seconds that it took, ends the program at the deadline."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > timeout_s:
            raise SystemExit(f"waited {timeout_s:g} s in vain for {what}")
        time.sleep(0.002)
    return time.monotonic() - began


def answers(port: int, path: str) -> bool:
    """True when 127.0.0.1:port answers `path` with a status below 500."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


def facts() -> str:
    """The machine in one line, for the head of a table."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{cpu}, {os.cpu_count()} cores, Linux {platform.release()}, "
        f"Python {platform.python_version()}, load average {load}"
    )
