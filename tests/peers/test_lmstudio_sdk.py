"""The real `lmstudio` SDK of Python, through the gateway, before a server that speaks its API."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lmstudio
import pytest

from tests.gateway.conftest import Front, gateway_before
from tests.lmstudio_sockets import ANSWER, CHAT, CODER, EMBEDDER, LMStudioSockets, lmstudio_sockets
from tests.running import free_port, wait_until

ENV = {
    "GATEWAY_ALIASES": f"gpt-4o-mini={CHAT}",
    "GATEWAY_SLOTS": "1",
    "GATEWAY_HEARTBEAT_S": "0.1",
    "GATEWAY_MAX_WAITING_PER_KEY": "2",
}
QUESTION = "What is a token?"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Front, LMStudioSockets]]:
    with lmstudio_sockets() as server:
        with gateway_before(server.url, tmp_path_factory.mktemp("sdk"), ENV) as front:
            yield front, server


@pytest.fixture
def front(pair: tuple[Front, LMStudioSockets]) -> Front:
    return pair[0]


@pytest.fixture
def server(pair: tuple[Front, LMStudioSockets]) -> Iterator[LMStudioSockets]:
    """The model server with its levers in their first position."""
    server = pair[1]
    server.hold.set()
    server.silent = False
    server.seen.clear()
    server.most_running = 0
    yield server
    server.hold.set()


@contextmanager
def connected(front: Front, key: str | None = None) -> Iterator[lmstudio.Client]:
    """The SDK with a key where a person can put one: before the host."""
    with lmstudio.Client(f"{key or front.key}@127.0.0.1:{front.service.port}") as client:
        yield client


def rows(front: Front, route: str, key: str = "tests") -> list[dict[str, Any]]:
    with sqlite3.connect(front.data / "lectern.db") as connection:
        connection.row_factory = sqlite3.Row
        found = connection.execute(
            "select * from requests where route = ? and key_name = ? order by id", (route, key)
        )
        return [dict(row) for row in found]


# ── what works ──


def test_models_are_listed(front: Front, server: LMStudioSockets) -> None:
    with connected(front) as client:
        loaded = {model.identifier for model in client.list_loaded_models("llm")}
        downloaded = {model.model_key for model in client.list_downloaded_models()}
    assert loaded == {CHAT, "mine"}
    assert downloaded == {CHAT, CODER, EMBEDDER}
    assert rows(front, "/system listDownloadedModels")[-1]["outcome"] == "ok"


def test_a_prediction_streams_and_is_metered(front: Front, server: LMStudioSockets) -> None:
    with connected(front) as client:
        with client.llm.model(CHAT).respond_stream(QUESTION) as stream:
            pieces = [fragment.content for fragment in stream]
            result = stream.result()
    assert pieces == ANSWER
    assert result.content == "".join(ANSWER)
    assert result.stats.predicted_tokens_count == len(ANSWER)
    row = rows(front, "/llm predict")[-1]
    assert (row["outcome"], row["model"], row["estimated"]) == ("ok", CHAT, 0)
    assert (row["prompt_tokens"], row["completion_tokens"]) == (9, len(ANSWER))
    assert row["first_token_ms"] <= row["duration_ms"]


def test_an_alias_reaches_the_real_model(front: Front, server: LMStudioSockets) -> None:
    with connected(front) as client:
        model = client.llm.model("gpt-4o-mini")
        assert model.identifier == CHAT
        assert model.complete("x").content == "".join(ANSWER)
        # Not through getOrLoad: a handle that names the alias itself.
        assert str(lmstudio.LLM("gpt-4o-mini", client.llm).respond("x")) == "".join(ANSWER)
    sent = server.openings("predict")[-1]["creationParameter"]
    assert sent["modelSpecifier"]["query"]["identifier"] == CHAT


def test_text_is_counted_and_templated(front: Front, server: LMStudioSockets) -> None:
    with connected(front) as client:
        model = client.llm.model(CHAT)
        assert model.count_tokens("a b c") == 3
        assert model.tokenize("a b c") == [1, 2, 3]
        assert model.apply_prompt_template("hi") == "<user>"
        assert model.get_context_length() == 1024


def test_texts_are_embedded(front: Front, server: LMStudioSockets) -> None:
    with connected(front) as client:
        vectors = client.embedding.model(EMBEDDER).embed(["one", "two two two"])
    assert vectors == [[0.25, 0.5]] * 2
    row = rows(front, "/embedding embedString")[-1]
    assert (row["outcome"], row["model"], row["estimated"]) == ("ok", EMBEDDER, 1)


def test_a_file_is_uploaded_whatever_its_size(front: Front, server: LMStudioSockets) -> None:
    """The first frame is bounded to a few kilobytes; what follows it is not."""
    with connected(front) as client:
        assert client.prepare_image(b"\x89PNG" + bytes(200_000)).identifier == "file-1"
    (sent,) = server.openings("uploadFileBase64")
    assert len(sent["parameter"]["contentBase64"]) > 200_000


async def test_the_asynchronous_client(front: Front, server: LMStudioSockets) -> None:
    host = f"{front.key}@127.0.0.1:{front.service.port}"
    async with lmstudio.AsyncClient(host) as client:
        model = await client.llm.model(CHAT)
        result = await model.respond(QUESTION)
    assert result.content == "".join(ANSWER)


def test_cancelling_ends_the_prediction_and_frees_the_slot(
    front: Front, server: LMStudioSockets
) -> None:
    server.hold.clear()
    with connected(front) as client:
        model = client.llm.model(CHAT)
        stream = model.respond_stream(QUESTION)
        pieces = iter(stream)
        next(pieces)
        stream.cancel()
        assert list(pieces) == []
        assert stream.result().stats.stop_reason == "userStopped"
        server.hold.set()
        assert model.respond("again").content
    first, _ = rows(front, "/llm predict")[-2:]
    assert (first["outcome"], first["completion_tokens"]) == ("ok", 1)


def test_leaving_closes_the_model_server_and_bills_what_was_produced(
    front: Front, server: LMStudioSockets
) -> None:
    server.hold.clear()
    before = len(server.closed)
    with connected(front) as client:
        with client.llm.model(CHAT).respond_stream(QUESTION) as stream:
            next(iter(stream))
            client.close()
    wait_until(lambda: "/llm" in server.closed[before:], "the model server's end to close")
    wait_until(lambda: rows(front, "/llm predict")[-1]["outcome"] == "caller_left", "the row")
    row = rows(front, "/llm predict")[-1]
    assert (row["completion_tokens"], row["estimated"]) == (1, 1)
    server.hold.set()
    with connected(front) as client:
        assert client.llm.model(CHAT).respond("again").content  # the slot is free


# ── turns and limits ──


def test_predictions_take_turns_and_say_so_meanwhile(front: Front, server: LMStudioSockets) -> None:
    server.hold.clear()
    progress: list[float] = []
    answers: list[str] = []

    def ask(**options: Any) -> None:
        with connected(front) as client:
            answers.append(client.llm.model(CHAT).respond(QUESTION, **options).content)

    first = threading.Thread(target=ask)
    first.start()
    wait_until(lambda: server.running == 1, "the first prediction to run")
    second = threading.Thread(target=ask, kwargs={"on_prompt_processing_progress": progress.append})
    second.start()
    wait_until(lambda: progress, "the waiting one to hear something")
    assert set(progress) == {0.0}
    assert server.running == 1
    server.hold.set()
    first.join()
    second.join()
    assert answers == ["".join(ANSWER)] * 2
    assert server.most_running == 1
    assert rows(front, "/llm predict")[-1]["queue_ms"] > 0


def test_a_full_line_is_the_sdks_exception(front: Front, server: LMStudioSockets) -> None:
    key = front.new_key("crowd")
    server.hold.clear()
    with connected(front, key) as client:
        model = client.llm.model(CHAT)
        running = model.respond_stream(QUESTION)
        waiting = [model.respond_stream(QUESTION) for _ in range(2)]
        for stream in (running, *waiting):
            stream.start()
        wait_until(lambda: server.running == 1, "the first prediction to run")
        with pytest.raises(lmstudio.LMStudioServerError, match="wait already") as raised:
            model.respond(QUESTION)
        assert "rate_limit_exceeded" in str(raised.value)
        waiting[0].cancel()
        with pytest.raises(lmstudio.LMStudioServerError, match="while it waited in line"):
            waiting[0].wait_for_result()
        server.hold.set()
        assert waiting[1].wait_for_result().content
        assert running.wait_for_result().content
    assert len(server.openings("predict")) == 2
    outcomes = sorted(row["outcome"] for row in rows(front, "/llm predict", "crowd"))
    assert outcomes == ["cancelled", "ok", "ok", "rate_limit_exceeded"]


def test_a_limit_of_the_key_is_the_sdks_exception(front: Front, server: LMStudioSockets) -> None:
    key = front.new_key("slow", "--rpm", "1")
    with connected(front, key) as client:
        model = client.llm.model(CHAT)
        assert model.respond(QUESTION).content
        with pytest.raises(lmstudio.LMStudioServerError, match="1 requests per minute"):
            model.respond(QUESTION)
    assert len(server.openings("predict")) == 1


def test_an_answers_length_is_reserved(front: Front, server: LMStudioSockets) -> None:
    key = front.new_key("small", "--tpm", "400")
    with connected(front, key) as client:
        model = client.llm.model(CHAT)
        with pytest.raises(lmstudio.LMStudioServerError, match="400 per minute"):
            model.respond(QUESTION, config={"maxTokens": 1000})
        assert model.respond(QUESTION, config={"maxTokens": 5}).content


# ── who may do what ──


@pytest.mark.parametrize("key", ["", "lk-wrong"])
def test_no_key_or_a_wrong_one(front: Front, server: LMStudioSockets, key: str) -> None:
    host = f"{key}@127.0.0.1:{front.service.port}" if key else f"127.0.0.1:{front.service.port}"
    words = "not known here" if key else "A key is needed"
    with lmstudio.Client(host) as client:
        with pytest.raises(lmstudio.LMStudioServerError, match=words):
            client.llm.list_loaded()
    assert server.seen == []


def test_a_key_needs_the_scopes(front: Front, server: LMStudioSockets) -> None:
    reader = front.new_key("reader", "--scope", "models:read")
    with connected(front, reader) as client:
        assert client.llm.list_loaded()
        with pytest.raises(lmstudio.LMStudioServerError, match="lacks the scope 'chat'"):
            client.llm.model(CHAT)
        with pytest.raises(lmstudio.LMStudioServerError, match="lacks the scope 'chat'"):
            lmstudio.LLM(CHAT, client.llm).respond("x")
        with pytest.raises(lmstudio.LMStudioServerError, match="lacks the scope 'models:manage'"):
            client.llm.unload(CHAT)
        with pytest.raises(lmstudio.LMStudioServerError, match="lacks the scope 'embed'"):
            lmstudio.EmbeddingModel(EMBEDDER, client.embedding).embed("x")
    assert {frame["endpoint"] for _, frame in server.seen} == {"listLoaded"}
    (row,) = rows(front, "/llm unloadModel", "reader")
    assert (row["outcome"], row["status"]) == ("insufficient_scope", 403)


def test_loading_with_settings_of_ones_own_is_the_operators(
    front: Front, server: LMStudioSockets
) -> None:
    with connected(front) as client:
        with pytest.raises(lmstudio.LMStudioServerError, match="models:manage"):
            client.llm.model(CHAT, config={"contextLength": 4096})
        with pytest.raises(lmstudio.LMStudioServerError, match="models:manage"):
            client.llm.load_new_instance(CHAT)
    operator = front.new_key("operator", "--scope", "models:manage", "--scope", "chat")
    with connected(front, operator) as client:
        loaded = client.llm.load_new_instance(CHAT, "second", config={"contextLength": 4096})
        assert loaded.identifier == "second"
        client.llm.unload("second")


def test_a_key_for_certain_models(front: Front, server: LMStudioSockets) -> None:
    key = front.new_key("narrow", "--model", CODER)
    with connected(front, key) as client:
        model = client.llm.model(CODER)  # an instance with a name of its own
        assert model.identifier == "mine"
        assert model.respond(QUESTION).content
        for name in (CHAT, "gpt-4o-mini"):
            with pytest.raises(lmstudio.LMStudioServerError, match="may not use the model"):
                client.llm.model(name)
            with pytest.raises(lmstudio.LMStudioServerError, match="may not use the model"):
                lmstudio.LLM(name, client.llm).respond(QUESTION)
    assert len(server.openings("predict")) == 1


def test_a_model_that_is_not_there_is_the_sdks_own_exception(
    front: Front, server: LMStudioSockets
) -> None:
    with connected(front) as client:
        with pytest.raises(lmstudio.LMStudioModelNotFoundError) as raised:
            lmstudio.LLM("nobody", client.llm).respond(QUESTION)
    assert "/Users/op" not in str(raised.value._raw_error)
    patterned = front.new_key("patterned", "--model", "nobody*", "--model", CODER)
    with connected(front, patterned) as client:
        with pytest.raises(lmstudio.LMStudioModelNotFoundError, match=CODER):
            lmstudio.LLM("nobody", client.llm).respond(QUESTION)


def test_what_is_not_listed_does_not_pass(front: Front, server: LMStudioSockets) -> None:
    with connected(front) as client:
        for session, endpoint in (
            (client.system, "requestShutdown"),
            (client.system, "startHttpServer"),
            (client.files, "getLocalFileAbsolutePath"),
            (client.repository, "deauthenticate"),
            (client.llm, "invented"),
        ):
            with pytest.raises(lmstudio.LMStudioServerError, match="does not pass on"):
                session.remote_call(endpoint)
    assert server.seen == []


def test_a_revoked_key_is_disconnected(front: Front, server: LMStudioSockets) -> None:
    key = front.new_key("leaver")
    server.hold.clear()
    with connected(front, key) as client:
        pieces = iter(client.llm.model(CHAT).respond_stream(QUESTION))
        next(pieces)
        assert front.lectern("keys", "revoke", "leaver").returncode == 0
        with pytest.raises(lmstudio.LMStudioServerError, match="revoked"):
            list(pieces)
        socket = client.llm._get_lmsws("ask")
        wait_until(lambda: socket._httpx_ws is None, "the connection to close")
    with connected(front, key) as client:
        with pytest.raises(lmstudio.LMStudioServerError, match="revoked"):
            client.llm.list_loaded()


# ── a model server in trouble ──


def test_a_model_server_that_breaks_off(front: Front, server: LMStudioSockets) -> None:
    server.hold.clear()
    with connected(front) as client:
        model = client.llm.model(CHAT)
        pieces = iter(model.respond_stream(QUESTION))
        next(pieces)
        server.cut()
        with pytest.raises(lmstudio.LMStudioServerError, match="broke off"):
            list(pieces)
        server.hold.set()
        assert model.respond("again").content  # on a new connection, behind the same one
    assert rows(front, "/llm predict")[-2]["outcome"] == "truncated"


def test_a_model_server_that_is_away(tmp_path: Any) -> None:
    with gateway_before(f"http://127.0.0.1:{free_port()}", tmp_path) as front:
        with connected(front) as client:
            with pytest.raises(lmstudio.LMStudioServerError, match="cannot be reached"):
                client.llm.list_loaded()
        assert [row["outcome"] for row in rows(front, "/llm listLoaded")] == [
            "model_server_unreachable"
        ]
