"""A key that is for certain models reaches no other, however a body is written."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ask import refuse_second_model
from gateway.errors import BadRequest
from tests.fault_upstream import FaultUpstream, fault_upstream
from tests.gateway.conftest import Front, gateway_before

CHAT = "/v1/chat/completions"
TWICE = [
    b'{"model": "m", "Model": "forbidden"}',
    b'{"MODEL": "forbidden", "model": "m"}',
    b'{"model": "forbidden", "model": "m"}',
    b'{"model": "forbidden", "mod\\u0065l": "m"}',
    b'{"messages": [{"content": "model"}], "model": "forbidden", "model": "m"}',
]


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Front, FaultUpstream, str]]:
    """A gateway and a key for the model `m` alone; `forbidden` exists and has an alias."""
    models = b'{"data": [{"id": "m"}, {"id": "forbidden"}]}'
    env = {"GATEWAY_ALIASES": "nice=forbidden,mine=m,*=forbidden"}
    with fault_upstream(lambda exchange: exchange.answer(b'{"choices": []}'), models) as upstream:
        with gateway_before(upstream.url, tmp_path_factory.mktemp("narrow"), env) as front:
            made = front.new_key("eve", "--model", "m")
            yield front, upstream, made


def ask(narrow: tuple[Front, FaultUpstream, str], body: bytes) -> int:
    front, _, key = narrow
    return front.client.post(
        CHAT, content=body, headers={"Authorization": f"Bearer {key}"}
    ).status_code


@pytest.mark.parametrize("model", ["forbidden", "nice", "", "M", "m ", " m", "m\\u0000", "x", "m*"])
def test_another_name_is_refused(narrow: tuple[Front, FaultUpstream, str], model: str) -> None:
    assert ask(narrow, b'{"model": "%s"}' % model.encode()) in (400, 403, 404)
    assert narrow[1].seen == []


@pytest.mark.parametrize("body", TWICE)
def test_two_models_in_one_body_are_refused(
    narrow: tuple[Front, FaultUpstream, str], body: bytes
) -> None:
    assert ask(narrow, body) == 400
    assert narrow[1].seen == []


def test_words_about_models_are_no_model() -> None:
    for body in (
        b'{"model": "m", "tools": [{"model": "x"}], "a": "\\u00e4"}',
        b'{"model": "m", "messages": [{"content": "\\"model\\": 1, \\u0022model\\u0022"}]}',
    ):
        refuse_second_model(body)


@given(st.permutations(["model", "Model", "messages", "x"]), st.booleans())
def test_every_order_is_seen(names: list[str], escaped: bool) -> None:
    raw = ",".join(f'"{name}": "a"' for name in names)
    raw = raw.replace("model", "\\u006dodel") if escaped else raw
    with pytest.raises(BadRequest):
        refuse_second_model(f"{{{raw}}}".encode())


@pytest.mark.parametrize("depth", [200, 1000])
def test_deep_json_is_read_or_refused_in_words(
    narrow: tuple[Front, FaultUpstream, str], depth: int
) -> None:
    """How deep Python itself reads differs between its versions."""
    deep = b"[" * depth + b"]" * depth
    body = b'{"model": "m", "x": %s, "y": "\\u00e4"}' % deep
    assert ask(narrow, body) in (200, 400)
    assert ask(narrow, b'{"Model": "forbidden", ' + body[1:]) == 400
    narrow[1].seen.clear()


def test_the_model_may_be_used(narrow: tuple[Front, FaultUpstream, str]) -> None:
    for model in ("m", "mine"):
        assert ask(narrow, orjson.dumps({"model": model})) == 200
        assert orjson.loads(narrow[1].seen[-1].body)["model"] == "m"
    narrow[1].seen.clear()
