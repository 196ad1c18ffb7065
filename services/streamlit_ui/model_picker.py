"""The model picker: loaded ones first, what each can do, and why one may not be used.

Owns: its widgets and which model is chosen. What is known of the models comes from the caller.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from chat_client import Model, grouped
from streamlit_ui.prose import for_page

BADGES = {
    "vision": ":blue-badge[:material/visibility: vision]",
    "tools": ":violet-badge[:material/build: tools]",
    "reasoning": ":green-badge[:material/neurology: reasoning]",
}


def model_picker(models: Sequence[Model]) -> Model | None:
    """Draws the picker and returns the model that is chosen."""
    chosen = chosen_model(models)
    st.markdown(":small[Model]")
    label = for_page(chosen.id) if chosen else "none yet"
    with st.popover(
        label, key="picker", width="stretch", on_change="rerun", disabled=chosen is None
    ):
        for group in grouped(models):
            st.caption(f"**{group.name}**")
            for model in group.models:
                _option(model, chosen)
    if chosen is not None:
        st.caption(facts(chosen))
    return chosen


def chosen_model(models: Sequence[Model]) -> Model | None:
    """The one picked before, else the first that the key may use; it outlives a lost server."""
    usable = {model.id: model for model in models if not model.refused}
    wanted = st.session_state.get("model") or st.query_params.get("model")
    if wanted and st.query_params.get("model") != wanted:
        st.query_params["model"] = wanted  # A link brings the model, too.
    if wanted in usable:
        return usable[wanted]
    return next(iter(usable.values()), None)


def _option(model: Model, chosen: Model | None) -> None:
    st.button(
        for_page(model.id),
        key=f"model-{model.id}",
        icon=":material/check:" if model is chosen else None,
        type="tertiary",
        width="stretch",
        disabled=bool(model.refused),
        on_click=_pick,
        args=(model.id,),
    )
    st.caption(for_page(model.refused) if model.refused else facts(model))


def _pick(id_: str) -> None:
    st.session_state["model"] = id_
    st.session_state["picker"] = False


def facts(model: Model) -> str:
    """A model's facts on one line of Markdown; `context` is how many tokens it can look at."""
    parts = ["loaded" if model.loaded else "loads at the first question"]
    if model.quantization:
        parts.append(model.quantization)
    if model.parameters:
        parts.append(f"{model.parameters} parameters")
    if model.context_length:
        parts.append(f"context {model.context_length:,} tokens")
    elif model.max_context_length:
        parts.append(f"context up to {model.max_context_length:,} tokens")
    if model.size:
        parts.append(model.size)
    badges = " ".join(BADGES[name] for name in model.badges)
    return for_page(" · ".join(parts)) + (f" {badges}" if badges else "")
