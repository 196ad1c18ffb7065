"""The SDKs' WebSocket API frame by frame: who is let in, what passes, how it ends.

What a program sees of it is `tests/peers/test_lmstudio_sdk.py`'s matter.
"""

from __future__ import annotations

import base64
import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.fault_upstream import fault_upstream
from tests.gateway.conftest import Front, gateway_before
from tests.lmstudio_sockets import (
    CHAT,
    CODER,
    EMBEDDER,
    Json,
    LMStudioSockets,
    instance,
    lmstudio_sockets,
)
from tests.running import ROOT, wait_until

MAX_BODY = 200_000
ENV = {
    "GATEWAY_ALIASES": f"gpt-4o-mini={CHAT}",
    "GATEWAY_SLOTS": "1",
    "GATEWAY_MAX_BODY_BYTES": str(MAX_BODY),
}
OWN_TOKEN = "sk-lm-abcdefgh:0123456789ABCDEFGHIJ"
HISTORY: Json = {"history": {"messages": []}, "predictionConfigStack": {"layers": []}}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Front, LMStudioSockets]]:
    with lmstudio_sockets() as server:
        with gateway_before(server.url, tmp_path_factory.mktemp("sockets"), ENV) as front:
            yield front, server


@pytest.fixture
def front(pair: tuple[Front, LMStudioSockets]) -> Front:
    return pair[0]


@pytest.fixture
def server(pair: tuple[Front, LMStudioSockets]) -> Iterator[LMStudioSockets]:
    server = pair[1]
    server.hold.set()
    server.seen.clear()
    server.clients.clear()
    yield server
    server.hold.set()


@contextmanager
def opened(
    front: Front, namespace: str = "llm", headers: dict[str, str] | None = None
) -> Iterator[ClientConnection]:
    """A socket on which nothing was said yet."""
    url = f"{front.service.url.replace('http', 'ws')}/{namespace}"
    with connect(url, additional_headers=headers, compression=None, proxy=None) as socket:
        yield socket


def introduce(socket: ClientConnection, identifier: str, passkey: str) -> Json:
    frame = {"authVersion": 1, "clientIdentifier": identifier, "clientPasskey": passkey}
    socket.send(json.dumps(frame))
    return answer(socket)


def answer(socket: ClientConnection) -> Json:
    told = json.loads(socket.recv(timeout=60))
    assert isinstance(told, dict)
    return told


@contextmanager
def let_in(front: Front, namespace: str = "llm", key: str | None = None) -> Iterator[Any]:
    """A socket that was let in."""
    with opened(front, namespace) as socket:
        assert introduce(socket, "guest:me", key or front.key) == {"success": True}
        yield socket


def call(
    socket: ClientConnection, endpoint: str, parameter: object = None, number: int = 0
) -> Json:
    """A call and its answer."""
    frame = {"type": "rpcCall", "endpoint": endpoint, "callId": number, "parameter": parameter}
    socket.send(json.dumps(frame))
    return answer(socket)


def create(socket: ClientConnection, endpoint: str, parameter: object, number: int = 0) -> None:
    frame = {"type": "channelCreate", "endpoint": endpoint, "channelId": number}
    socket.send(json.dumps({**frame, "creationParameter": parameter}))


def predict(socket: ClientConnection, specifier: object, number: int = 0) -> None:
    create(socket, "predict", {"modelSpecifier": specifier, **HISTORY}, number)


def named(model: str) -> Json:
    return {"type": "query", "query": {"identifier": model}}


def until(socket: ClientConnection, kind: str) -> Json:
    """Reads up to the first frame of a type."""
    while (told := answer(socket))["type"] != kind:
        pass
    return told


def closing_code(socket: ClientConnection) -> int:
    """The code with which the gateway closes."""
    with pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=60)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


# ── who is let in ──


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "headers",
    [
        lambda key: {"Authorization": f"Bearer {key}"},
        lambda key: {"x-api-key": key},
        lambda key: {"Authorization": basic(f"{key}:")},
        lambda key: {"Authorization": basic(f"ana:{key}")},
    ],
    ids=["bearer", "x-api-key", "user", "password"],
)
def test_a_key_in_the_headers(front: Front, headers: Any) -> None:
    with opened(front, headers=headers(front.key)) as socket:
        assert introduce(socket, "guest:x", "y") == {"success": True}


def test_a_key_in_the_first_frame(front: Front) -> None:
    with let_in(front) as socket:
        assert call(socket, "listLoaded")["type"] == "rpcResult"


def test_the_key_in_the_form_of_lm_studios_tokens(front: Front) -> None:
    """What `apiToken` of JavaScript and `api_token` of Python 1.6 put into the first frame."""
    key = front.new_key("token")
    own = {"Authorization": f"Bearer {key}"}
    token = httpx.get(f"{front.service.url}/lectern/sdk-token", headers=own).json()["api_token"]
    assert token.startswith("sk-lm-")
    identifier, _, passkey = token.removeprefix("sk-lm-").partition(":")
    assert (len(identifier), len(passkey)) == (8, 20)
    with opened(front) as socket:
        assert introduce(socket, identifier, passkey) == {"success": True}
    by_http = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{front.service.url}/v1/models", headers=by_http).status_code == 200
    with opened(front) as socket:
        assert introduce(socket, identifier, passkey[::-1])["success"] is False
    assert front.lectern("keys", "revoke", "token").returncode == 0
    with opened(front) as socket:
        assert introduce(socket, identifier, passkey)["success"] is False
    assert httpx.get(f"{front.service.url}/v1/models", headers=by_http).status_code == 401


def test_the_token_needs_a_key(front: Front) -> None:
    assert httpx.get(f"{front.service.url}/lectern/sdk-token").status_code == 401


def test_the_greeting_needs_none(front: Front) -> None:
    greeting = httpx.get(f"{front.service.url}/lmstudio-greeting")
    assert (greeting.status_code, greeting.json()) == (200, {"lmstudio": True})


@pytest.mark.parametrize("origin", [None, "https://evil.example"])
def test_who_has_no_key_is_told_where_it_goes(
    front: Front, server: LMStudioSockets, origin: str | None
) -> None:
    """A page of a browser from elsewhere has none: there is no cookie to be had here."""
    headers = {"Origin": origin, "Cookie": f"key={front.key}"} if origin else None
    with opened(front, headers=headers) as socket:
        told = introduce(socket, "guest:x", "y")
        assert told["success"] is False
        assert "lmstudio.Client('lk-" in told["error"]
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=60)
    assert server.clients == []


def test_an_error_is_in_the_form_that_the_sdk_can_read(front: Front) -> None:
    """Text for those that bring a token or call themselves guests, an object for older Python."""
    with opened(front) as socket:
        assert isinstance(introduce(socket, "guest:x", "lk-wrong")["error"], str)
    with opened(front) as socket:
        assert (
            "not known here" in introduce(socket, str(uuid.uuid4()), "lk-wrong")["error"]["title"]
        )


@pytest.mark.parametrize(
    "first",
    [
        "{",
        "[]",
        "{}",
        '{"authVersion": 2, "clientIdentifier": "a", "clientPasskey": "b"}',
        '{"authVersion": 1, "clientIdentifier": 1, "clientPasskey": "b"}',
        json.dumps({"authVersion": 1, "clientIdentifier": "a" * 257, "clientPasskey": "b"}),
    ],
)
def test_a_first_frame_that_is_none(front: Front, first: str) -> None:
    with opened(front) as socket:
        socket.send(first)
        told = answer(socket)
        assert (told["success"], type(told["error"])) == (False, str)


def test_a_stranger_can_send_only_a_little(front: Front) -> None:
    with opened(front) as socket:
        socket.send(json.dumps({"authVersion": 1, "clientIdentifier": "a" * 5000}))
        assert closing_code(socket) == 1009


def test_wrong_keys_are_slowed_down(folder: Path) -> None:
    with gateway_before("http://127.0.0.1:9", folder) as front:
        errors = []
        for _ in range(22):
            with opened(front) as socket:
                errors.append(introduce(socket, "guest:x", "lk-wrong")["error"])
        assert "Too many requests with a bad key" in errors[-1]
        with let_in(front):
            pass  # a good key is never refused


def test_paths_that_are_no_namespace(front: Front) -> None:
    for path in ("", "v1/chat/completions", "llm/", "llm/x", "metrics"):
        with pytest.raises(InvalidStatus) as refused, opened(front, path):
            pass
        assert refused.value.response.status_code == 403
    assert httpx.get(f"{front.service.url}/llm").status_code == 404


def test_a_key_has_only_so_many_connections(front: Front) -> None:
    key = front.new_key("many")
    with contextlib.ExitStack() as stack:
        for _ in range(64):
            stack.enter_context(let_in(front, key=key))
        socket = stack.enter_context(opened(front))
        assert "64 connections" in introduce(socket, "guest:me", key)["error"]
    wait_until(lambda: _can_enter(front, key), "the others to be forgotten")


def _can_enter(front: Front, key: str) -> bool:
    with opened(front) as socket:
        return bool(introduce(socket, "guest:me", key)["success"])


# ── who the gateway is to LM Studio ──


def test_the_callers_key_never_goes_on(front: Front, server: LMStudioSockets) -> None:
    with let_in(front) as socket:
        call(socket, "listLoaded")
    assert front.key not in json.dumps([server.clients, server.seen])
    assert front.key not in front.service.log


def test_sockets_of_one_client_are_one_client_to_lm_studio(
    front: Front, server: LMStudioSockets
) -> None:
    """LM Studio keeps what a client uploaded for this client."""
    other = front.new_key("other")
    for namespace, identifier, key in (
        ("llm", "guest:a", front.key),
        ("files", "guest:a", front.key),
        ("llm", "guest:b", front.key),
        ("llm", "guest:a", other),
    ):
        with opened(front, namespace) as socket:
            assert introduce(socket, identifier, key)["success"]
            call(socket, "uploadFileBase64" if namespace == "files" else "listLoaded")
    first, same, *different = [client[1:] for client in server.clients]
    assert first == same
    assert len({first, *different}) == 3
    assert all(identifier.startswith("guest:") for identifier, _ in (first, *different))


def test_the_operators_token_is_what_lm_studio_sees(folder: Path) -> None:
    (folder / "guest").mkdir()
    with lmstudio_sockets(OWN_TOKEN) as server:
        with gateway_before(server.url, folder, {"LMSTUDIO_API_TOKEN": OWN_TOKEN}) as front:
            with let_in(front) as socket:
                assert call(socket, "listLoaded")["type"] == "rpcResult"
        with gateway_before(server.url, folder / "guest") as front, let_in(front) as socket:
            refused = call(socket, "listLoaded")
    assert "LMSTUDIO_API_TOKEN" in refused["error"]["title"]
    assert refused["error"]["errorData"]["code"] == "model_server_refused"


def test_a_model_server_without_this_api(folder: Path) -> None:
    with fault_upstream(lambda exchange: exchange.answer(b"{}")) as upstream:
        with gateway_before(upstream.url, folder) as front, let_in(front) as socket:
            refused = call(socket, "listLoaded")
    assert "/v1/chat/completions" in refused["error"]["title"]
    assert refused["error"]["errorData"]["status"] == 501


def test_a_redirect_is_not_followed(folder: Path) -> None:
    with lmstudio_sockets() as elsewhere:
        target = f"Location: {elsewhere.url}/llm\r\nContent-Length: 0\r\n\r\n"
        with fault_upstream(
            lambda exchange: exchange.send(f"HTTP/1.1 307 Go\r\n{target}".encode())
        ) as upstream:
            with gateway_before(upstream.url, folder) as front, let_in(front) as socket:
                assert call(socket, "listLoaded")["type"] == "rpcError"
        assert elsewhere.clients == []


# ── what passes ──


@pytest.mark.parametrize(
    ("namespace", "endpoint"),
    [
        ("diagnostics", "streamLogs"),
        ("runtime", "surveyHardware"),
        ("plugins", "reindexPlugins"),
        ("system", "requestShutdown"),
        ("llm", "embedString"),
    ],
)
@pytest.mark.parametrize("kind", ["rpc", "channel"])
def test_what_is_not_listed_is_refused(
    front: Front, server: LMStudioSockets, namespace: str, endpoint: str, kind: str
) -> None:
    with let_in(front, namespace) as socket:
        if kind == "rpc":
            told = call(socket, endpoint, {}, 7)
            assert (told["type"], told["callId"]) == ("rpcError", 7)
        else:
            create(socket, endpoint, {}, 7)
            told = answer(socket)
            assert (told["type"], told["channelId"]) == ("channelError", 7)
    assert endpoint in told["error"]["title"]
    assert server.seen == []
    with sqlite3.connect(front.data / "lectern.db") as connection:
        row = connection.execute("select route, outcome from requests order by id desc").fetchone()
    assert row == (f"/{namespace}", "unknown_url")


def test_frames_that_are_not_for_lm_studio(front: Front, server: LMStudioSockets) -> None:
    with let_in(front) as socket:
        socket.send('{"type": "keepAlive"}')
        assert answer(socket) == {"type": "keepAliveAck"}
        for kind in ("signal", "writableSignal"):
            frame = {"type": f"{kind}Subscribe", "endpoint": "x", "subscribeId": 3}
            socket.send(json.dumps(frame))
            told = answer(socket)
            assert (told["type"], told["subscribeId"]) == (f"{kind}Error", 3)
            assert "signals" in told["error"]["title"]
        for odd in ("communicationWarning", "channelSend", "invented"):
            socket.send(json.dumps({"type": odd, "channelId": 9, "warning": "x"}))
        assert call(socket, "listLoaded")["type"] == "rpcResult"
    assert [frame["type"] for _, frame in server.seen] == ["rpcCall"]


def test_a_number_that_is_open_is_not_opened_again(front: Front, server: LMStudioSockets) -> None:
    server.hold.clear()
    with let_in(front) as socket:
        predict(socket, named(CHAT))
        until(socket, "channelSend")
        predict(socket, named(CHAT))
        assert "open already" in until(socket, "communicationWarning")["warning"]
        rows = front.client.get("/lectern/requests", params={"model": CHAT}).json()["running"]
        assert [(row["route"], row["state"]) for row in rows] == [("/llm predict", "answering")]
        server.hold.set()
        until(socket, "channelClose")
    assert len(server.openings("predict")) == 1


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x00", 1003),
        ("{", 1007),
        ("[]", 1007),
        ('{"type": "rpcCall", "callId": "1", "endpoint": "listLoaded"}', 1007),
        ('{"type": "rpcCall", "callId": 1.0, "endpoint": "listLoaded"}', 1007),
        ('{"type": "channelCreate", "channelId": 9007199254740993, "endpoint": "x"}', 1007),
        ('{"type": "rpcCall", "callId": 1}', 1007),
        ("[" * 100_000, 1007),
        (json.dumps({"type": "x" * MAX_BODY}), 1009),
    ],
)
def test_a_frame_that_is_none_ends_the_connection(
    front: Front, frame: str | bytes, code: int
) -> None:
    with let_in(front) as socket:
        socket.send(frame)
        assert closing_code(socket) == code


def test_an_error_of_the_model_server_comes_without_its_stack_trace(
    front: Front, server: LMStudioSockets
) -> None:
    with let_in(front) as socket:
        predict(socket, named("nobody"))
        told = until(socket, "channelError")
    assert told["error"]["title"] == "No model found"
    assert "stack" not in told["error"]


# ── models ──


def test_other_names_stand_for_models_in_every_frame(front: Front, server: LMStudioSockets) -> None:
    key = front.new_key("manager", "--scope", "models:manage", "--scope", "models:read")
    with let_in(front, key=key) as socket:
        told = call(socket, "getModelInfo", {"specifier": named("gpt-4o-mini")}, 1)
        assert told["result"]["identifier"] == CHAT
        call(socket, "unloadModel", {"identifier": "gpt-4o-mini", "odd": [1e3]}, 2)
    assert server.openings("unloadModel")[0]["parameter"] == {"identifier": CHAT, "odd": [1e3]}


def test_an_instance_is_known_by_its_reference_once_it_was_seen(
    front: Front, server: LMStudioSockets
) -> None:
    key = front.new_key("referring", "--model", CODER)
    by_reference = {"type": "instanceReference", "instanceReference": "ref-mine"}
    with let_in(front, key=key) as socket:
        predict(socket, by_reference, 1)
        assert "has not seen" in until(socket, "channelError")["error"]["title"]
        assert call(socket, "listLoaded", None, 2)["type"] == "rpcResult"
        predict(socket, by_reference, 3)
        assert until(socket, "channelClose")["channelId"] == 3
        predict(socket, {"type": "instanceReference", "instanceReference": f"ref-{CHAT}"}, 4)
        assert "may not use" in until(socket, "channelError")["error"]["title"]
    assert [frame["channelId"] for frame in server.openings("predict")] == [3]
    with sqlite3.connect(front.data / "lectern.db") as connection:
        query = "select model from requests where key_name = 'referring' and outcome = 'ok'"
        assert ("mine",) in connection.execute(query + " and route = '/llm predict'").fetchall()


@pytest.mark.parametrize(
    "specifier",
    [
        named(CHAT),
        named("gpt-4o-mini"),
        {"type": "query", "query": {}},
        {"type": "query", "query": {"path": f"acme/{CHAT}-GGUF"}},
        {"type": "query", "query": {"identifier": CHAT}, "instanceReference": "ref-mine"},
        {"type": "instanceReference", "instanceReference": f"ref-{CHAT}", **named(CODER)}
        | {"type": "instanceReference"},
        {"query": {"identifier": CODER}},
        {"type": "query", "query": {"identifier": [CODER]}},
        {"type": "other", "query": {"identifier": CODER}},
        "mine",
        None,
    ],
)
def test_a_keys_models_hold_however_one_is_named(
    front: Front, server: LMStudioSockets, specifier: object
) -> None:
    key = front.new_key(f"only-{uuid.uuid4()}", "--model", CODER, "--model", "mine")
    with let_in(front, key=key) as socket:
        call(socket, "listLoaded", None, 1)
        predict(socket, specifier, 2)
        assert until(socket, "channelError")["channelId"] == 2
    assert server.openings("predict") == []


def test_a_keys_models_hold_when_one_is_named_twice(front: Front, server: LMStudioSockets) -> None:
    """Two readers of one frame may take different fields of the same name."""
    key = front.new_key("twice", "--model", CODER, "--model", "mine")
    with let_in(front, key=key) as socket:
        query = f'{{"identifier": "{CHAT}", "identifier": "mine"}}'
        specifier = f'{{"type": "query", "query": {query}}}'
        socket.send(
            '{"type": "channelCreate", "endpoint": "predict", "channelId": 1, "creationParameter": '
            f'{{"modelSpecifier": {specifier}, "history": {{}}}}}}'
        )
        until(socket, "channelClose")
    (sent,) = server.openings("predict")
    assert sent["creationParameter"]["modelSpecifier"] == named("mine")
    assert CHAT not in server.texts[-1]


def test_a_model_of_another_server_is_not_reached(folder: Path) -> None:
    """With several model servers the SDKs reach the first."""
    with lmstudio_sockets() as first, lmstudio_sockets() as second:
        second.models.append("far")
        env = {"UPSTREAMS": f"near={first.url},far={second.url}"}
        with gateway_before(first.url, folder, env) as front, let_in(front) as socket:
            assert front.client.get("/v1/models/far").status_code == 200
            predict(socket, named(CHAT), 1)
            until(socket, "channelClose")
            predict(socket, named("far"), 2)
            told = until(socket, "channelError")["error"]
        assert "/v1/chat/completions" in told["title"]
        assert (len(first.openings("predict")), second.seen) == (1, [])


def test_a_model_that_is_loaded_for_somebody_is_learned(
    front: Front, server: LMStudioSockets
) -> None:
    server.loaded.append(instance(CODER, "fresh"))
    key = front.new_key("learning", "--model", CODER)
    try:
        with let_in(front, key=key) as socket:
            told = call(socket, "getModelInfo", {"specifier": named("fresh")}, 1)
            assert told["result"]["modelKey"] == CODER
            predict(socket, named("fresh"), 2)
            until(socket, "channelClose")
    finally:
        server.loaded.pop()


# ── turns ──


def test_many_texts_at_once_wait_their_turn(front: Front, server: LMStudioSockets) -> None:
    """The JavaScript SDK sends a call for each text of a list."""
    count = 60
    with let_in(front, "embedding") as socket:
        parameter = {"modelSpecifier": named(EMBEDDER), "inputString": "some words"}
        for number in range(count):
            frame = {"type": "rpcCall", "endpoint": "embedString", "callId": number}
            socket.send(json.dumps({**frame, "parameter": parameter}))
        told = [answer(socket) for _ in range(count)]
    assert {frame["type"] for frame in told} == {"rpcResult"}
    assert {frame["callId"] for frame in told} == set(range(count))


def test_too_much_at_once_on_one_connection_is_refused(
    front: Front, server: LMStudioSockets
) -> None:
    server.hold.clear()
    with let_in(front) as socket:
        specifier = {**named(CHAT), "padding": "x" * (MAX_BODY // 2)}
        for number in range(2):
            predict(socket, specifier, number)
        told = until(socket, "channelError")
        assert told["channelId"] == 1
        assert "Too much is open" in told["error"]["title"]
        server.hold.set()
        until(socket, "channelClose")


def test_silence_ends_with_an_error_and_a_cancelled_prediction(folder: Path) -> None:
    with lmstudio_sockets() as server:
        server.silent = True
        env = {**ENV, "GATEWAY_ANSWER_TIMEOUT_S": "2"}
        with gateway_before(server.url, folder, env) as front, let_in(front) as socket:
            predict(socket, named(CHAT))
            told = until(socket, "channelError")
            assert told["error"]["errorData"]["code"] == "model_server_timeout"
            wait_until(
                lambda: server.seen[-1][1].get("message") == {"type": "cancel"}, "the cancellation"
            )


# ── stopping ──


def test_sigterm_lets_a_prediction_finish_and_takes_no_new_one(folder: Path) -> None:
    with lmstudio_sockets() as server, gateway_before(server.url, folder, ENV) as front:
        server.hold.clear()
        with let_in(front) as socket, let_in(front, "embedding"):
            predict(socket, named(CHAT), 1)
            until(socket, "channelSend")
            front.service.process.send_signal(signal.SIGTERM)
            wait_until(
                lambda: httpx.get(f"{front.service.url}/readyz").status_code == 503,
                "readiness to end",
            )
            told = call(socket, "listLoaded", None, 2)
            while told["type"] != "rpcError":
                told = answer(socket)
            assert told["error"]["errorData"]["code"] == "shutting_down"
            server.hold.set()
            assert until(socket, "channelClose")["channelId"] == 1
            with pytest.raises(ConnectionClosed):
                socket.recv(timeout=60)
        assert front.service.process.wait(60) == 0
        assert "Traceback" not in front.service.log


def test_a_gateway_that_nobody_calls_so_has_not_loaded_it() -> None:
    words = "import sys, gateway.server; print('websockets' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", words],
        env={"PYTHONPATH": str(ROOT / "services"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"
