"""How the model is asked: one widget for each setting, shown as far as the mode allows.

Owns: the widgets, their place in the address, and reading them. Names, limits and words are
`chat_client`'s. What a mode does not show is not sent, but for what is suggested to everybody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from chat_client import (
    SAMPLING_FIELDS,
    SUGGESTED,
    Sampling,
    SamplingField,
    read_json_schema,
    read_stop,
    sampling_problem,
)
from chat_client.sampling_fields import Mode
from streamlit_ui.prompts_panel import prompts_panel

MODES: dict[str, Mode] = {"User": "user", "Power user": "power", "Developer": "developer"}
LEFT_OPEN = "left to the model"
LARGEST_IN_BROWSER = 2**53 - 1
IN_ADDRESS: dict[str, Any] = {"bind": "query-params", "persist_state": "session"}


def mode_switch() -> Mode:
    """The three modes; a beginner's shows a chat and nothing else."""
    chosen: str = st.selectbox(
        "Mode",
        list(MODES),
        key="mode",
        help="User: a chat. Power user: settings, too. Developer: all of them.",
        **IN_ADDRESS,
    )
    return MODES.get(chosen, "user")


def settings_panel(mode: Mode) -> tuple[Sampling, str | None]:
    """Draws what the mode shows; the settings to send and the system prompt, if it shows one."""
    if mode == "user":
        return SUGGESTED, None
    system_prompt: str = st.text_area(
        "System prompt",
        key="system_prompt",
        placeholder="You are a patient teacher.",
        height=90,
        **IN_ADDRESS,
    )
    st.caption("Tells the model who it is; sent ahead of every question.")
    prompts_panel()
    values = settings_widgets([field for field in SAMPLING_FIELDS if field.shown_in(mode)])
    return replace(Sampling(), **values), system_prompt


def settings_widgets(fields: Iterable[SamplingField], suffix: str = "") -> dict[str, Any]:
    """Draws these settings and returns those that can be; `suffix` tells their keys apart."""
    values: dict[str, Any] = {}
    for field in fields:
        value, problem = _drawn(field, field.name + suffix)
        if problem:
            st.caption(f":red[{problem}]")
        else:
            values[field.name] = value
        st.caption(field.what)
    return values


def set_now() -> tuple[Sampling, str | None]:
    """The same without drawing it: what the chat's page would send just now."""
    mode = MODES.get(st.session_state.get("mode", "User"), "user")
    if mode == "user":
        return SUGGESTED, None
    values: dict[str, Any] = {}
    for field in (each for each in SAMPLING_FIELDS if each.shown_in(mode)):
        value = st.session_state.get(field.name, field.suggested)
        try:
            if field.kind == "lines":
                value = read_stop(value or "")
            elif field.kind == "json":
                value = read_json_schema(value or "")
        except ValueError:
            continue
        if value is not None and not sampling_problem(field.name, value):
            values[field.name] = value
    return replace(Sampling(), **values), str(st.session_state.get("system_prompt") or "")


def _drawn(field: SamplingField, key: str) -> tuple[Any, str | None]:
    """The value of a field's widget, and why it cannot be used."""
    value: Any
    if field.kind == "slider" and field.suggested is not None:
        value = st.slider(
            field.label,
            field.low,
            field.high,
            field.suggested,
            field.step,
            key=key,
            **IN_ADDRESS,
        )
    elif field.kind in ("slider", "integer"):
        value = _number(field, key)
    elif field.kind == "choice":
        value = st.selectbox(
            field.label, field.choices, None, key=key, placeholder=LEFT_OPEN, **IN_ADDRESS
        )
    else:
        return _text(field, key)
    return value, None if value is None else sampling_problem(field.name, value)


def _number(field: SamplingField, key: str) -> float | int | None:
    kind = int if field.kind == "integer" else float
    number: float | int | None = st.number_input(
        field.label,
        kind(field.low or 0),
        kind(min(field.high or 0, LARGEST_IN_BROWSER)),
        None,
        kind(field.step or 1),
        key=key,
        placeholder="no limit" if field.name == "max_tokens" else LEFT_OPEN,
        **IN_ADDRESS,
    )
    return number


def _text(field: SamplingField, key: str) -> tuple[Any, str | None]:
    text = st.text_area(field.label, key=key, height=90, **IN_ADDRESS)
    if field.kind == "lines":
        stops = read_stop(text)
        return stops, sampling_problem(field.name, stops)
    try:
        return read_json_schema(text), None
    except ValueError as error:
        return None, str(error)


def load_settings(settings: Mapping[str, Any], system_prompt: str) -> None:
    """Puts a preset's or a chat's settings into the widgets; call it before they are drawn."""
    load_sampling(Sampling.from_settings(settings))
    st.session_state["system_prompt"] = system_prompt
    if settings.get("model"):
        st.session_state["model"] = str(settings["model"])


def load_sampling(sampling: Sampling, suffix: str = "") -> None:
    """The same for the widgets whose keys end in `suffix`."""
    for field in SAMPLING_FIELDS:
        value = getattr(sampling, field.name)
        if field.kind == "lines":
            value = "\n".join(part.replace("\n", "\\n") for part in value)
        elif field.kind == "json":
            value = json.dumps(value, indent=2, ensure_ascii=False) if value is not None else ""
        elif value is None:
            value = field.suggested
        elif field.kind == "slider":
            value = float(value)
        st.session_state[field.name + suffix] = value
