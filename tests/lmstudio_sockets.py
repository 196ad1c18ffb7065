"""A model server that speaks the WebSocket API of the `lmstudio` SDKs, for lack of a real one.

Owns as much of LM Studio's behaviour as the SDKs need: the first frame, calls, channels, errors
that carry a stack trace. A test steers predictions with `hold` and reads what arrived in `seen`.
Form: github.com/lmstudio-ai/lmstudio-js, packages lms-communication and
lms-external-backend-interfaces.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

Json = dict[str, Any]
CHAT, CODER, EMBEDDER = "lectern-101", "acme/coder", "text-embedding-tiny"
ANSWER = ["A ", "token ", "is ", "a ", "piece."]
NAMESPACES = ("/llm", "/embedding", "/system", "/files", "/repository")


def instance(model: str, identifier: str | None = None) -> Json:
    """A loaded instance, as LM Studio tells of it."""
    info = {
        "type": "embedding" if model == EMBEDDER else "llm",
        "modelKey": model,
        "format": "gguf",
        "displayName": model,
        "path": f"acme/{model}-GGUF/{model}.gguf",
        "sizeBytes": 1,
        "paramsString": "1B",
        "architecture": "llama",
        "maxContextLength": 2048,
        "contextLength": 1024,
        "identifier": identifier or model,
        "instanceReference": f"ref-{identifier or model}",
    }
    return info if model == EMBEDDER else {**info, "vision": False, "trainedForToolUse": False}


def downloaded(model: str) -> Json:
    """A model on disk."""
    gone = ("identifier", "instanceReference", "contextLength")
    return {name: value for name, value in instance(model).items() if name not in gone}


@dataclass
class LMStudioSockets:
    """The server: its root URL, what arrived, and the levers of a test."""

    url: str = ""
    token: str = ""  # with one, guests are refused
    models: list[str] = field(default_factory=lambda: [CHAT, CODER, EMBEDDER, "mine"])
    seen: list[tuple[str, Json]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)  # the same, as they arrived
    clients: list[tuple[str, str, str]] = field(default_factory=list)  # namespace, both halves
    closed: list[str] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)  # predictions wait while unset
    running: int = 0
    most_running: int = 0
    silent: bool = False  # predictions never say a word
    loaded: list[Json] = field(default_factory=lambda: [instance(CHAT), instance(CODER, "mine")])
    connections: list[ServerConnection] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def openings(self, endpoint: str) -> list[Json]:
        """The frames that began a call or channel of an endpoint."""
        return [frame for _, frame in self.seen if frame.get("endpoint") == endpoint]

    def cut(self) -> None:
        """Drops every connection without a word."""
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.socket.shutdown(2)


class Talk:
    """One connection that was let in."""

    def __init__(self, server: LMStudioSockets, connection: ServerConnection, path: str) -> None:
        self._server = server
        self._connection = connection
        self._path = path
        self._cancelled: dict[int, threading.Event] = {}
        self._gone = threading.Event()

    def run(self) -> None:
        try:
            for text in self._connection:
                frame = json.loads(text)
                self._server.texts.append(str(text))
                self._server.seen.append((self._path, frame))
                self._take(frame)
        except ConnectionClosed:
            pass
        finally:
            self._gone.set()
            self._server.closed.append(self._path)

    def _send(self, frame: Json) -> None:
        with contextlib.suppress(ConnectionClosed):
            self._connection.send(json.dumps(frame))

    def _take(self, frame: Json) -> None:
        match frame["type"]:
            case "rpcCall":
                self._call(frame["callId"], frame["endpoint"], frame.get("parameter") or {})
            case "channelCreate":
                number = frame["channelId"]
                self._cancelled[number] = threading.Event()
                work = (number, frame["endpoint"], frame.get("creationParameter") or {})
                threading.Thread(target=self._channel, args=work, daemon=True).start()
            case "channelSend" if frame["message"]["type"] == "cancel":
                self._cancelled[frame["channelId"]].set()

    def _call(self, number: int, endpoint: str, parameter: Json) -> None:
        results: dict[str, Any] = {
            "listLoaded": [i for i in self._server.loaded if f"/{i['type']}" == self._path],
            "listDownloadedModels": [downloaded(m) for m in (CHAT, CODER, EMBEDDER)],
            "countTokens": {"tokenCount": len(str(parameter.get("inputString")).split())},
            "tokenize": {"tokens": [1, 2, 3]},
            "applyPromptTemplate": {"formatted": "<user>"},
            "embedString": {"embedding": [0.25, 0.5]},
            "getLoadConfig": {"fields": []},
            "uploadFileBase64": {"identifier": "file-1", "fileType": "image", "sizeBytes": 3},
            "version": {"version": "0.4.25", "build": 1},
            "unloadModel": None,
        }
        if endpoint == "getModelInfo":
            found = self._find(parameter["specifier"])
            if found is None:
                self._send({"type": "rpcError", "callId": number, "error": not_found(parameter)})
                return
            results[endpoint] = found
        if endpoint == "embedString":
            self._server.hold.wait(30)
        self._send({"type": "rpcResult", "callId": number, "result": results[endpoint]})

    def _find(self, specifier: Json) -> Json | None:
        wanted = specifier.get("query", {}).get("identifier"), specifier.get("instanceReference")
        for info in self._server.loaded:
            if info["identifier"] == wanted[0] or info["instanceReference"] == wanted[1]:
                return info
        return None

    def _channel(self, number: int, endpoint: str, parameter: Json) -> None:
        def message(**fields: Any) -> None:
            self._send({"type": "channelSend", "channelId": number, "message": fields})

        if endpoint == "predict":
            if not self._predict(number, parameter, message):
                return
        elif endpoint in ("getOrLoad", "loadModel"):
            name = str(parameter.get("identifier") or parameter["modelKey"])
            known = [i for i in self._server.loaded if name in (i["modelKey"], i["identifier"])]
            if endpoint == "getOrLoad" and known:
                message(type="alreadyLoaded", info=known[0])
            else:
                info = instance(parameter.get("modelKey", name), name)
                self._server.loaded.append(info)
                if endpoint == "loadModel":
                    message(type="resolved", info=downloaded(info["modelKey"]))
                    message(type="progress", progress=0.5)
                    message(type="success", info=info)
                else:
                    message(type="startLoading", identifier=name, info=downloaded(name))
                    message(type="loadProgress", progress=0.5)
                    message(type="loadSuccess", info=info)
        self._send({"type": "channelClose", "channelId": number})

    def _predict(self, number: int, parameter: Json, message: Any) -> bool:
        """Writes the answer; False when the channel has ended otherwise."""
        server, cancelled = self._server, self._cancelled[number]
        found = self._find(parameter["modelSpecifier"])
        if found is None:
            error = {**not_found(parameter), "stack": "Error: at /Users/op/lmstudio/main.js:1"}
            self._send({"type": "channelError", "channelId": number, "error": error})
            return False
        with server.lock:
            server.running += 1
            server.most_running = max(server.most_running, server.running)
        try:
            if server.silent:
                self._gone.wait(30)
                return False
            message(type="promptProcessingProgress", progress=1.0)
            written = 0
            for word in ANSWER:
                if cancelled.is_set() or self._gone.is_set():
                    break
                written += 1
                fragment = {"content": word, "tokensCount": 1, "containsDrafted": False}
                fragment |= {"reasoningType": "none", "isStructural": False}
                message(type="fragment", fragment=fragment)
                while not (server.hold.wait(0.01) or cancelled.is_set() or self._gone.is_set()):
                    pass
        finally:
            with server.lock:
                server.running -= 1
        stats = {"stopReason": "userStopped" if cancelled.is_set() else "eosFound"}
        counts = {"promptTokensCount": 9, "predictedTokensCount": written}
        config: Json = {"fields": []}
        message(
            type="success",
            stats={**stats, **counts, "totalTokensCount": 9 + written},
            modelInfo=found,
            loadModelConfig=config,
            predictionConfig=config,
        )
        return True


def not_found(parameter: Json) -> Json:
    """LM Studio's own error for a model that is not loaded."""
    query = {"code": "generic.noModelMatchingQuery", "query": {}, "loadedModelsSample": [CHAT]}
    return {
        "title": "No model found",
        "rootTitle": "No model found",
        "displayData": {**query, "totalLoadedModels": 1},
    }


@contextmanager
def lmstudio_sockets(token: str = "") -> Iterator[LMStudioSockets]:
    """Serves on a free port of the loopback interface."""
    state = LMStudioSockets(token=token)
    state.hold.set()

    def answer_http(connection: ServerConnection, request: Request) -> Response | None:
        if request.path in ("/v1/models", "/api/v1/models"):
            names = state.models
            lists = {"data": [{"id": n} for n in names], "models": [{"key": n} for n in names]}
            response = connection.respond(HTTPStatus.OK, json.dumps(lists))
            response.headers["Content-Type"] = "application/json"
            return response
        if request.path in NAMESPACES:
            return None
        return connection.respond(HTTPStatus.UNAUTHORIZED, "")

    def talk(connection: ServerConnection) -> None:
        path = connection.request.path if connection.request else ""
        first = json.loads(connection.recv())
        client = (first["clientIdentifier"], first["clientPasskey"])
        state.clients.append((path, *client))
        if state.token and state.token != "sk-lm-{}:{}".format(*client):
            connection.send('{"success": false, "error": "An LM Studio API token is required"}')
            return
        state.connections.append(connection)
        connection.send('{"success": true}')
        Talk(state, connection, path).run()

    with serve(talk, "127.0.0.1", 0, process_request=answer_http, compression=None) as server:
        state.url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            state.hold.set()
            state.cut()
            server.shutdown()
            thread.join()
