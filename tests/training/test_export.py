"""What llama.cpp computes from the exported file is what PyTorch computes from the checkpoint."""

from __future__ import annotations

import json
import math
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.training.pytorch import need_pytorch, toy

pytestmark = pytest.mark.torch

TEXT = "What is a token? A token is a piece of text. 日本 größer user assistant 🙂"
TOLERANCE = 0.05  # in log probability; llama.cpp keeps its KV cache in 16 bits
LETTER = 67  # the token "a" in every vocabulary here: three specials, then the bytes from "!"
CLEAR_LEAD = 0.1  # two tokens closer than this may change places


def serve(path: Path) -> Any:
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.n_ctx, parameters.n_parallel, parameters.port = 128, 1, 0
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.fit_params, parameters.ui, parameters.verbosity = False, False, 1
    return xllamacpp.Server(parameters)


def post(server: Any, route: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(  # noqa: S310 (loopback)
        server.listening_address + route,
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 (loopback)
        return json.load(reply)


def llama_cpp_logprobs(server: Any, ids: list[int], vocab: int) -> dict[int, float]:
    """Log probability of every token that may follow `ids`."""
    # Probabilities come with a whole character only, so the drawn token is forced to be a letter;
    # what is reported is computed before that.
    forced = {"logit_bias": [[LETTER, 1000]], "ignore_eos": True}
    body = {"prompt": ids, "n_predict": 1, "n_probs": vocab, **forced}
    first = post(server, "/completion", body)["completion_probabilities"][0]["top_logprobs"]
    return {entry["id"]: entry["logprob"] for entry in first}


def differences(model: Any, path: Path, ids: list[int]) -> list[tuple[float, bool]]:
    """For every position: the largest difference, and whether both prefer the same token."""
    import torch

    server = serve(path)
    with torch.no_grad():
        expected = torch.log_softmax(model(torch.tensor([ids]))[0], dim=-1)  # (T, V)
    result = []
    for length in range(1, len(ids) + 1):
        ours = expected[length - 1].tolist()
        theirs = llama_cpp_logprobs(server, ids[:length], len(ours))
        finite = {i: value for i, value in theirs.items() if math.isfinite(value) and ours[i] > -12}
        worst = max(abs(ours[i] - value) for i, value in finite.items())
        lead = sorted(ours)[-1] - sorted(ours)[-2]
        same = max(theirs, key=theirs.__getitem__) == ours.index(max(ours))
        result.append((worst, same or lead < CLEAR_LEAD))
    return result


@pytest.mark.parametrize("half", [False, True], ids=["F32", "F16"])
def test_llama_cpp_computes_what_pytorch_computes(tmp_path: Path, half: bool) -> None:
    need_pytorch()
    from training.export import export

    model, tokenizer = toy()
    ids = tokenizer.encode(TEXT).ids
    export(model, tokenizer, tmp_path / "toy.gguf", half=half)

    found = differences(model, tmp_path / "toy.gguf", ids)

    assert all(same for _, same in found)
    assert max(worst for worst, _ in found) < TOLERANCE


def test_without_the_reordered_rows_llama_cpp_computes_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_pytorch()
    from training import export as exporter

    model, tokenizer = toy()
    ids = tokenizer.encode(TEXT).ids
    monkeypatch.setattr(exporter, "to_llama_cpp", lambda weight, heads: weight)  # noqa: ARG005
    exporter.export(model, tokenizer, tmp_path / "toy.gguf", half=False)

    found = differences(model, tmp_path / "toy.gguf", ids)

    assert max(worst for worst, _ in found) > 10 * TOLERANCE


def test_llama_cpp_cuts_text_and_conversations_into_the_same_tokens(tmp_path: Path) -> None:
    need_pytorch()
    from training.export import export
    from training.tokenizer import encode_prompt

    model, tokenizer = toy()
    export(model, tokenizer, tmp_path / "toy.gguf")
    server = serve(tmp_path / "toy.gguf")

    messages = [("system", "Be brief."), ("user", TEXT), ("assistant", "A piece."), ("user", "?")]
    listed = [{"role": role, "content": text} for role, text in messages]
    prompt = post(server, "/apply-template", {"messages": listed})["prompt"]
    tokens = post(server, "/tokenize", {"content": prompt, "parse_special": True})["tokens"]

    assert tokens == encode_prompt(tokenizer, messages)


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    need_pytorch()
    import gguf

    from training.export import export

    model, tokenizer = toy()
    export(model, tokenizer, tmp_path / "toy.gguf")
    reader = gguf.GGUFReader(tmp_path / "toy.gguf")

    def value(key: str) -> Any:
        field = reader.get_field(key)
        assert field is not None, key
        return field.contents()

    assert value("general.license") == "mit"
    assert "not a general assistant" in value("general.description")
    assert value("llama.context_length") == 128
    assert "im_start" in value("tokenizer.chat_template")
