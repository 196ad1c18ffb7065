"""Whether a port can be had, and who has it.

Asks before anything is started: a clash found half-way leaves a stack half started.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from launch.catalogue import Service
from launch.errors import LaunchError

_LISTEN = "0A"
Taken = Callable[[int], bool]
Holder = Callable[[int], str]  # empty where nobody can tell


def is_taken(port: int, bind_addr: str = "127.0.0.1") -> bool:
    """True when somebody listens on `port` where `bind_addr` would."""
    address = bind_addr.strip("[]")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as sock:
        # As servers do: a connection in TIME_WAIT holds no port.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((address, port))
        except OSError:
            return True
    # Some systems let a loopback bind pass beside a listener on all addresses.
    probe_at = "127.0.0.1" if address in ("0.0.0.0", "::") else address  # noqa: S104
    with socket.socket(family if probe_at == address else socket.AF_INET) as sock:
        sock.settimeout(0.5)
        return sock.connect_ex((probe_at, port)) == 0


def refuse_taken(ports: Mapping[Service, int], taken: Taken, holder: Holder) -> None:
    """Raises one `LaunchError` that names every port that cannot be had."""
    clashes = [(service, port) for service, port in ports.items() if taken(port)]
    if clashes:
        raise LaunchError("\n".join(_sentence(service, port, holder) for service, port in clashes))


def _sentence(service: Service, port: int, holder: Holder) -> str:
    who = holder(port)
    return (
        f"Port {port} ({service.title}) is taken{f' by {who}' if who else ''}. "
        f"End that, or choose another: {service.port_variable}={port + 1} make demo "
        f"(or set {service.port_variable} in .env)."
    )


def next_free(port: int, taken: Taken, avoid: Sequence[int] = ()) -> int:
    """The first port from `port` upwards that is free and not in `avoid`."""
    for candidate in range(port, min(port + 200, 65536)):
        if candidate not in avoid and not taken(candidate):
            return candidate
    raise LaunchError(f"No free port from {port} to {port + 199}; set ENGINE_PORT to one.")


def holder_of(port: int) -> str:
    """The name and pid of the process that listens on `port`, where Linux lets us see it."""
    sockets = set().union(*(_listening(port, name) for name in ("tcp", "tcp6")))
    if not sockets:
        return ""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if link.readlink().name in sockets:
                process = link.parent.parent
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
        except OSError:
            continue
    return ""


def _listening(port: int, name: str) -> set[str]:
    try:
        rows = Path("/proc/net", name).read_text().splitlines()[1:]
    except OSError:
        return set()
    fields = (row.split() for row in rows)
    return {
        f"socket:[{row[9]}]"
        for row in fields
        if row[3] == _LISTEN and int(row[1].rsplit(":", 1)[1], 16) == port
    }
