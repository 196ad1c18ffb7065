"""The addresses under which people reach both servers, which need not be where this process does.

Owns the names that mean something inside a container alone. It asks nobody: where a name stands for
the machine of the containers, that is the machine whose page the browser has open.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from chat_client.settings import ChatSettings

HOST_MACHINE = {"host.docker.internal", "host.containers.internal"}
LOOPBACK = "127.0.0.1"
FOR_TEAMMATES = "for teammates and their programs"
FOR_THIS_MACHINE = "for this machine"
KEY_WANTED = "Asks for a key. A new one: `make key NAME=ana`"
NO_KEY_WANTED = "What the two web UIs ask: no key of yours, no limits, not in the log"


def outside_address(settings: ChatSettings, page_host: str = "") -> str:
    """The model server's root for programs outside the containers.

    `page_host`: the Host header of the page, for example `192.168.1.5:7860`.
    """
    parts = urlsplit(settings.root_url)
    host = _host(page_host)
    if parts.hostname in HOST_MACHINE:
        return f"{parts.scheme}://{host}:{parts.port or 80}"
    if parts.hostname == "gateway":
        return f"http://{host}:{settings.gateway_port}"
    if parts.hostname == "engine":  # its port is published for this machine alone
        return f"http://{LOOPBACK}:{settings.engine_port}"
    return settings.root_url


def gateway_address(settings: ChatSettings, page_host: str = "") -> str:
    """The gateway's root for teammates and their programs, also where the chats go past it."""
    return outside_address(settings.model_copy(update={"llm_url": settings.gateway_url}), page_host)


def _host(page_host: str) -> str:
    """The name alone, as it stands in an address; only what can be one gets through."""
    try:
        name = urlsplit(f"//{page_host}").hostname or LOOPBACK
    except ValueError:
        return LOOPBACK
    if ":" in name:
        return f"[{name}]"
    return name if name.replace("-", "").replace(".", "").replace("_", "").isalnum() else LOOPBACK
