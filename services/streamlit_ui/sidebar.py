"""The side panel: which model, how it picks its words, a new chat.

Owns: its widgets, their one-line explanations, the line that says where the model is. The state of
the server comes from the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

import streamlit as st

from chat_client import SUGGESTED, Model, Sampling, ServerState


@dataclass(frozen=True)
class Choice:
    """What the person has set; `model` is None while there is none to choose."""

    model: str | None
    sampling: Sampling
    system_prompt: str


def status(state: ServerState) -> str:
    """One line of Markdown: does the model server answer, and where is it?"""
    address = urlsplit(state.url).netloc
    if state.ready:
        return f":green[●] {state.server} · {address}"
    return f":orange[●] {'No model at' if state.reachable else 'No answer from'} {address}"


def sidebar(state: ServerState) -> Choice:
    """Draws the panel's lasting part; call it inside `st.sidebar`."""
    usual = SUGGESTED
    model = _model(state.models)
    temperature = st.slider("Temperature", 0.0, 2.0, usual.temperature, 0.05, key="temperature")
    st.caption("How daring the pick of each token is: 0 takes the likeliest, above 1 gets wild.")
    top_p = st.slider("Top p", 0.05, 1.0, usual.top_p, 0.05, key="top_p")
    st.caption("Picks only among the likeliest tokens that together make up this share.")
    max_tokens = st.number_input(
        "Max tokens", 1, None, None, 64, key="max_tokens", placeholder="no limit"
    )
    st.caption("The answer ends after this many tokens, finished or not.")
    system_prompt = st.text_area(
        "System prompt", key="system_prompt", placeholder="You are a patient teacher.", height=90
    )
    st.caption("Tells the model who it is; sent ahead of every question.")
    return Choice(model, Sampling(temperature, top_p, max_tokens), system_prompt)


def _model(models: tuple[Model, ...]) -> str | None:
    by_id = {model.id: model for model in models}
    if not by_id:
        st.selectbox("Model", [], key="no_model", placeholder="none yet", disabled=True)
        return None
    if st.session_state.get("model") not in by_id:
        # The first visit, or the server was away: go on with the model chosen before it left.
        before = st.session_state.get("model_before")
        st.session_state["model"] = before if before in by_id else next(iter(by_id))
    chosen: str = st.selectbox(
        "Model",
        list(by_id),
        key="model",
        format_func=lambda name: name if by_id[name].loaded else f"{name} (not loaded)",
    )
    st.session_state["model_before"] = chosen
    st.caption(about(by_id[chosen]))
    return chosen


def about(model: Model) -> str:
    """A model's facts on one line; `context` is how many tokens it can look at."""
    parts = ["loaded" if model.loaded else "loads at the first question"]
    if model.quantization:
        parts.append(model.quantization)
    if model.parameters:
        parts.append(f"{model.parameters} parameters")
    if model.context_length:
        parts.append(f"context {model.context_length:,} tokens")
    elif model.max_context_length:
        parts.append(f"context up to {model.max_context_length:,} tokens")
    if model.size_bytes:
        parts.append(in_bytes(model.size_bytes))
    return " · ".join(parts)


def in_bytes(size: int) -> str:
    """A file's size as people say it, for example `4.9 GB`."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
