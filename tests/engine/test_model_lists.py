"""The model lists of the three APIs."""

from __future__ import annotations

from tests.engine.asking import Q8, get
from tests.running import Service

VARIANTS = [Q8, "lectern-101@f16", "lectern-101@q4_0"]


def test_openai_list_has_every_name_and_nothing_more(engine: Service) -> None:
    body = get(engine, "/v1/models").json()
    assert [entry["id"] for entry in body["data"]] == ["lectern-101", *VARIANTS]
    assert body["data"][0] == {
        "id": "lectern-101",
        "object": "model",
        "owned_by": "organization_owner",
    }
    assert body["object"] == "list"


def test_v0_list_tells_state_quantization_and_context(engine: Service) -> None:
    data = get(engine, "/api/v0/models").json()["data"]
    assert [entry["id"] for entry in data] == VARIANTS
    assert data[0] == {
        "id": Q8,
        "object": "model",
        "type": "llm",
        "publisher": "lectern",
        "arch": "llama",
        "compatibility_type": "gguf",
        "quantization": "Q8_0",
        "state": "loaded",
        "max_context_length": 1024,
        "loaded_context_length": 1024,
    }


def test_v0_knows_one_model_by_either_name(engine: Service) -> None:
    assert get(engine, "/api/v0/models/lectern-101").json()["id"] == Q8
    assert get(engine, "/api/v0/models/lectern-101@f16").json()["quantization"] == "F16"
    assert get(engine, "/api/v0/models/unknown").status_code == 404


def test_v1_list_tells_how_each_model_is_loaded(engine: Service) -> None:
    models = get(engine, "/api/v1/models").json()["models"]
    assert [model["key"] for model in models] == VARIANTS
    first = models[0]
    assert first["quantization"] == {"name": "Q8_0", "bits_per_weight": 8}
    assert first["type"] == "llm"
    assert first["format"] == "gguf"
    assert first["max_context_length"] == 1024
    assert first["capabilities"] == {"vision": False, "trained_for_tool_use": False}
    assert first["selected_variant"] == Q8
    (instance,) = first["loaded_instances"]
    assert instance["id"] == Q8
    assert instance["config"]["context_length"] == 1024
    assert instance["config"]["parallel"] == 4


def test_sizes_shrink_with_the_quantization(engine: Service) -> None:
    models = get(engine, "/api/v1/models").json()["models"]
    size = {model["quantization"]["name"]: model["size_bytes"] for model in models}
    assert size["Q4_0"] < size["Q8_0"] < size["F16"] < 10_000_000
