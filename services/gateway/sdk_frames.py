"""The frames of the `lmstudio` SDKs' WebSocket API: read, refused, told apart.

Owns their form and nothing else: which may pass is `sdk_rules`'s matter, what happens to them
`sdk_exchange`'s. One frame is one JSON object with a `type`; a call has a `callId`, a channel a
`channelId`. Form: github.com/lmstudio-ai/lmstudio-js, packages lms-communication.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.error_shape import body_of
from gateway.errors import BadRequest, GatewayError, ModelUnknown, Protocol, status_of

MAX_NUMBER = 2**31
RPC, CHANNEL = "rpc", "channel"
SIGNAL, WRITABLE_SIGNAL = "signal", "writableSignal"
_NUMBERS = {RPC: "callId", CHANNEL: "channelId"} | dict.fromkeys(
    (SIGNAL, WRITABLE_SIGNAL), "subscribeId"
)
_OPENING = {"rpcCall": RPC, "channelCreate": CHANNEL}
# A channel's last message; `channelClose` follows, when everybody has moved on.
_LAST = frozenset(("success", "loadSuccess", "alreadyLoaded", "result"))
_NO_PROGRESS = {
    "type": "promptProcessingProgress",
    "progress": 0.0,
    "details": {
        "cachedTokenCount": 0,
        "totalPromptTokenCount": 0,
        "processedPromptTokenCount": 0,
        "unprocessedPromptTokenCount": 0,
    },
}


@dataclass(slots=True)
class Opening:
    """A frame that begins a call or a channel."""

    kind: str
    number: int
    endpoint: str
    document: dict[str, Any]
    text: str

    @property
    def parameter(self) -> dict[str, Any]:
        """What is asked for; empty where nothing is said."""
        found = self.document.get("parameter" if self.kind == RPC else "creationParameter")
        return found if isinstance(found, dict) else {}

    def rewritten(self) -> None:
        """The parameter was changed, so the text is written anew."""
        try:
            self.text = orjson.dumps(self.document).decode()
        except TypeError:  # it writes fewer levels than it reads
            raise BadRequest("The frame is nested too deep.") from None


def read_frame(text: str) -> dict[str, Any]:
    """One frame; raises `BadRequest`."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The frame is not JSON: {error.msg}.") from None
    if not isinstance(document, dict):
        raise BadRequest("The frame is not a JSON object.")
    return document


def read_opening(document: dict[str, Any], text: str) -> Opening | None:
    """The call or channel that a frame begins, or None; raises `BadRequest` for a broken one."""
    kind = _OPENING.get(str(document.get("type")))
    if kind is None:
        return None
    number, endpoint = number_in(document, kind), document.get("endpoint")
    if number is None or not isinstance(endpoint, str):
        raise BadRequest(
            f"The frame needs `{_NUMBERS[kind]}`, a whole number, and `endpoint`, a name."
        )
    return Opening(kind, number, endpoint, document, text)


def number_in(document: dict[str, Any], kind: str) -> int | None:
    """What numbers a call: a whole number that every JSON reader keeps; else None."""
    value = document.get(_NUMBERS[kind])
    whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_NUMBER
    return value if whole else None


def belongs_to(document: dict[str, Any]) -> tuple[str, int] | None:
    """Which call or channel a frame of either side belongs to."""
    for kind in (CHANNEL, RPC):
        if (number := number_in(document, kind)) is not None:
            return kind, number
    return None


def message_of(document: dict[str, Any]) -> dict[str, Any]:
    """What is sent on a channel."""
    message = document.get("message")
    return message if isinstance(message, dict) else {}


def is_last(document: dict[str, Any]) -> bool:
    """Whether the model server has no more to do for a call or a channel."""
    if document.get("type") == "channelSend":
        return message_of(document).get("type") in _LAST
    return document.get("type") in ("rpcResult", "rpcError", "channelClose", "channelError")


def is_error(document: dict[str, Any]) -> bool:
    """Whether the model server tells an error."""
    return document.get("type") in ("rpcError", "channelError")


def without_trace(document: dict[str, Any], text: str) -> str:
    """An error's frame without the stack trace, which names files of the model server's machine."""
    error = document.get("error")
    if not isinstance(error, dict) or "stack" not in error:
        return text
    kept = {name: value for name, value in error.items() if name != "stack"}
    return orjson.dumps({**document, "error": kept}).decode()


def instances_in(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The loaded instances that a frame of the model server tells of."""
    result = document.get("result")
    message = message_of(document)
    found = result if isinstance(result, list) else [result]
    for info in (*found, message.get("info"), message.get("modelInfo")):
        if isinstance(info, dict) and isinstance(info.get("identifier"), str):
            yield info


def settings_in(stack: Any) -> list[dict[str, Any]]:
    """The settings of a configuration, which is a stack of layers."""
    configs = [layer.get("config") for layer in _dicts(stack, "layers")]
    return [field for config in configs for field in _dicts(config, "fields")]


def _dicts(holder: Any, name: str) -> list[dict[str, Any]]:
    """The objects in a list that an object may have."""
    found = holder.get(name) if isinstance(holder, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def refusal(kind: str, number: int, error: GatewayError, names: list[str] | None = None) -> str:
    """A frame that the SDKs raise as their own exception."""
    told = body_of(error, Protocol.OPENAI)["error"]
    data = {"code": told["code"], "type": told["type"], "status": status_of(error)}
    body: dict[str, Any] = {"title": error.message, "rootTitle": error.message, "errorData": data}
    if (after := getattr(error, "retry_after_s", None)) is not None:
        data["retryAfterSeconds"] = after
    if isinstance(error, ModelUnknown):  # by this the SDKs tell it from other errors
        body["displayData"] = {
            "code": "generic.noModelMatchingQuery",
            "query": {},
            "loadedModelsSample": names or [],
            "totalLoadedModels": len(names or []),
        }
    return _frame(kind, number, "Error", error=body)


def no_progress(number: int) -> str:
    """What keeps a prediction's line alive while it waits: the SDKs give up after silence."""
    return _frame(CHANNEL, number, "Send", message=_NO_PROGRESS)


def cancel(number: int) -> str:
    """What ends the model server's work on a channel."""
    return _frame(CHANNEL, number, "Send", message={"type": "cancel"})


def _frame(kind: str, number: int, event: str, **fields: Any) -> str:
    return orjson.dumps({"type": f"{kind}{event}", _NUMBERS[kind]: number, **fields}).decode()
