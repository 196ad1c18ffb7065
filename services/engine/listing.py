"""The model lists of the three APIs, and what /api/v1 says about loading.

/v1/models is OpenAI's short list, /api/v0 and /api/v1 tell more (LM Studio's REST docs). The alias
of the default model (`lectern-101`) is in the short list only, so that pickers show no model twice.
"""

from __future__ import annotations

from engine.catalogue import Catalogue, Instance, Model
from engine.dialect import Json

EVAL_BATCH_SIZE = 512


def openai_list(catalogue: Catalogue) -> Json:
    """GET /v1/models."""
    loaded = {instance.id for instance in catalogue.instances}
    names = [name for model in catalogue.models for name in (*model.aliases, model.id)]
    more = sorted(loaded - set(names))
    data = [
        {"id": name, "object": "model", "owned_by": "organization_owner"} for name in names + more
    ]
    return {"data": data, "object": "list"}


def v0_list(catalogue: Catalogue) -> Json:
    """GET /api/v0/models."""
    return {"object": "list", "data": [v0_model(catalogue, model) for model in catalogue.models]}


def v0_model(catalogue: Catalogue, model: Model) -> Json:
    """One model of /api/v0."""
    card, loaded = model.card, catalogue.of(model)
    entry = {
        "id": model.id,
        "object": "model",
        "type": "embeddings" if card.embedding else "llm",
        "publisher": model.publisher,
        "arch": card.architecture,
        "compatibility_type": "gguf",
        "quantization": card.quantization,
        "state": "loaded" if loaded else "not-loaded",
        "max_context_length": card.context_length,
    }
    if loaded:
        entry["loaded_context_length"] = loaded[0].config.context_length
    return entry | ({"capabilities": ["tool_use"]} if card.tool_use else {})


def v1_list(catalogue: Catalogue) -> Json:
    """GET /api/v1/models."""
    return {"models": [_v1_model(catalogue, model) for model in catalogue.models]}


def _v1_model(catalogue: Catalogue, model: Model) -> Json:
    card = model.card
    entry: Json = {
        "type": "embedding" if card.embedding else "llm",
        "publisher": model.publisher,
        "key": model.id,
        "display_name": card.name,
        "architecture": card.architecture,
        "quantization": {"name": card.quantization, "bits_per_weight": card.bits_per_weight},
        "size_bytes": card.size_bytes,
        "params_string": card.parameters_text,
        "loaded_instances": [
            {"id": instance.id, "config": load_config(instance)} for instance in catalogue.of(model)
        ],
        "max_context_length": card.context_length,
        "format": "gguf",
        "capabilities": {"vision": False, "trained_for_tool_use": card.tool_use},
        "description": None,
    }
    if model.variants:
        entry |= {"variants": list(model.variants), "selected_variant": model.id}
    if card.embedding:
        for absent in ("architecture", "capabilities", "description"):
            entry.pop(absent)
    return entry


def load_config(instance: Instance) -> Json:
    """How an instance is loaded."""
    return {
        "context_length": instance.config.context_length,
        "eval_batch_size": min(EVAL_BATCH_SIZE, instance.config.context_length),
        "parallel": instance.config.parallel,
        "flash_attention": True,
        "offload_kv_cache_to_gpu": False,
    }


def loaded(instance: Instance, echo: bool) -> Json:
    """The reply of POST /api/v1/models/load."""
    reply = {
        "type": "embedding" if instance.model.card.embedding else "llm",
        "instance_id": instance.id,
        "load_time_seconds": round(instance.llama.load_time_s, 3),
        "status": "loaded",
    }
    return reply | ({"load_config": load_config(instance)} if echo else {})
