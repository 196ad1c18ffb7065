"""Turns foreign failures (sockets, HTTP, LM Studio's texts) into a ChatError a person can act on.

Owns: every sentence about a failing model server and the texts by which failures are recognised.
The texts are from LM Studio's public bug tracker: its wording changes by version and engine.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import openai

from chat_client.errors import ChatError
from chat_client.one_line import one_line
from chat_client.settings import ChatSettings

LONGEST_QUOTE = 300  # characters of a server's own words
LOOPBACK = {"127.0.0.1", "localhost", "::1"}

OVERFLOW = re.compile(
    r"tokens when context the overflows|number of tokens to keep from the initial prompt"
    r"|cannot truncate prompt with n_keep|does not fit in context"
    r"|exceeds the available context|exceed_context_size|context size has been exceeded"
    r"|maximum context length|context_length_exceeded",
    re.IGNORECASE,
)
NO_MODEL = re.compile(
    r"no models? (is |are )?loaded|model_not_found|model not found", re.IGNORECASE
)
MODEL_GONE = re.compile(
    r"model has crashed|model (is )?unloaded|channel error|failed to load model|model_load_failed"
    r"|terminated|compute error",
    re.IGNORECASE,
)
WRONG_ROUTE = "Unexpected endpoint or method"


def in_container() -> bool:
    """True inside a Docker or Podman container."""
    return Path("/.dockerenv").exists() or Path("/run/.containerenv").exists()


def host_and_port(settings: ChatSettings) -> tuple[str, int]:
    """Where the model server listens."""
    parts = urlsplit(settings.root_url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def name_unknown(settings: ChatSettings) -> ChatError:
    host, _ = host_and_port(settings)
    if host == "host.docker.internal":
        advice = (
            "Start this container with extra_hosts: host.docker.internal:host-gateway (Lectern's "
            f"Compose file does), or outside a container set {settings.url_variable} to "
            "http://127.0.0.1:1234."
        )
    else:
        advice = f"Check the host name in {settings.url_variable}."
    return ChatError(f"The name {host} is not known here.", advice)


def refused(settings: ChatSettings) -> ChatError:
    host, port = host_and_port(settings)
    return ChatError(f"{host} refuses connections on port {port}.", _how_to_listen(settings, host))


def _how_to_listen(settings: ChatSettings, host: str) -> str:
    if settings.llm_url:
        return f"Start the server that LLM_URL names ({settings.llm_url})."
    if host in LOOPBACK:
        advice = (
            "Start LM Studio's server: the Developer tab has the switch, or run "
            "`lms server start`. Without LM Studio, `make demo` starts the bundled engine."
        )
        if in_container():
            advice += (
                " Lectern runs in a container, where this address means the container itself: "
                "an LM Studio outside it is at http://host.docker.internal:1234 (LMSTUDIO_URL)."
            )
        return advice
    return (
        'In LM Studio, start the server and turn on "Serve on Local Network", or run '
        "`lms server start --bind 0.0.0.0`: by default it listens on 127.0.0.1 only, which a "
        "container cannot reach."
    )


def timed_out(settings: ChatSettings) -> ChatError:
    host, port = host_and_port(settings)
    return ChatError(
        f"{host}:{port} did not answer in time.",
        "A firewall may be dropping the connection: allow the port there, and check the address "
        f"in {settings.url_variable}.",
    )


def silent(settings: ChatSettings) -> ChatError:
    return ChatError(
        f"The model server sent nothing for {settings.chat_read_timeout_s:g} seconds.",
        "It may still be loading the model: look at LM Studio, then ask again.",
    )


def cut_off() -> ChatError:
    return ChatError(
        "The answer was cut off: the model server closed the connection before the end.",
        "Ask again. If it happens every time, look at LM Studio's server log.",
    )


def empty_answer() -> ChatError:
    return ChatError(
        "The model server ended the answer without sending any text.",
        "The conversation may not fit into the model's context any more: start a new chat, or "
        "load the model with a longer context.",
    )


def from_transport(error: BaseException, settings: ChatSettings, *, started: bool) -> ChatError:
    """A failure of the connection; `started` tells whether any text had arrived."""
    causes = list(_causes(error))
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return name_unknown(settings)
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return refused(settings)
    names = {type(cause).__name__ for cause in causes}
    if "ConnectTimeout" in names:
        return timed_out(settings)
    if "ReadTimeout" in names:
        return silent(settings)
    if "ConnectError" in names:
        host, port = host_and_port(settings)
        return ChatError(f"{host}:{port} cannot be reached.", _how_to_listen(settings, host))
    if started:
        return cut_off()
    return ChatError(
        "The model server closed the connection without an answer.",
        "Ask again. If it happens every time, look at LM Studio's server log.",
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The exception, what it was raised from, and the members of groups on the way."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        # Python 3.11 has exception groups; connection attempts to several addresses end in one.
        waiting += [current.__cause__, current.__context__, *getattr(current, "exceptions", ())]


def from_server(text: str, status: int | None, settings: ChatSettings) -> ChatError:
    """A refusal in the server's own words, under whatever HTTP status."""
    if status == 401:
        return _unauthorized(settings)
    if OVERFLOW.search(text):
        return ChatError(
            "The conversation no longer fits into the model's context.",
            "Start a new chat, shorten the question, or load the model with a longer context.",
        )
    if NO_MODEL.search(text):
        return ChatError(
            "The model server has no such model loaded.",
            "Load a model in LM Studio (or run `lms load`), then choose it here.",
        )
    if MODEL_GONE.search(text):
        return ChatError(
            f'The model stopped working: "{one_line(text, LONGEST_QUOTE)}"',
            "Load it again in LM Studio; if it does not fit into memory, take a smaller "
            "quantization.",
        )
    if WRONG_ROUTE in text:
        return ChatError(
            "The server answers, but not on this route.",
            f"{settings.url_variable} must be the server's root address, without a path.",
        )
    words = one_line(text, LONGEST_QUOTE)
    said = f'The model server said: "{words}"' if words else "The model server failed"
    return ChatError(
        said + (f" (HTTP {status})" if status else ""), "Look at its log, or ask again."
    )


def _unauthorized(settings: ChatSettings) -> ChatError:
    if settings.llm_url:
        return ChatError(
            "The server wants a key, or does not know this one.",
            "Set LLM_API_KEY to a key of that server and start Lectern again.",
        )
    return ChatError(
        "LM Studio wants an API token, or does not know this one.",
        "Make one in LM Studio (Developer, Server Settings, Manage Tokens), set "
        "LMSTUDIO_API_TOKEN to it and start Lectern again.",
    )


def error_text(body: object) -> str | None:
    """The message in a JSON body that carries an error (in any of LM Studio's shapes), else None.

    LM Studio answers unknown routes with status 200 and an error in the body, while a good reply
    may hold `"error": null`: only the value tells.
    """
    if not isinstance(body, dict):
        return None
    error = body.get("error")
    if error is None:
        return None
    if isinstance(error, dict):
        return str(error.get("message") or error.get("code") or error)
    return str(error) or "an error without a message"


def from_openai(error: Exception, settings: ChatSettings, *, started: bool) -> ChatError:
    """What the openai SDK raised while an answer was asked for or streamed."""
    if isinstance(error, openai.APIConnectionError):
        return from_transport(error, settings, started=started)
    if isinstance(error, openai.APIError):  # A refusal, or an error event under HTTP 200.
        text = error.body if isinstance(error.body, str) else error_text({"error": error.body})
        if text is None or text.lstrip().startswith("<"):  # A web page says nothing to a person.
            text = ""
        return from_server(text, getattr(error, "status_code", None), settings)
    return ChatError(
        "The model server's answer could not be read.",
        f"Check that {settings.url_variable} is the address of LM Studio or of a server like it.",
    )
