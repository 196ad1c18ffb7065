"""Who is compared in the Playground: ready-made demos, and a model with settings for each side.

Owns: the widgets and their place in the address, so that a link brings the same comparison. What
a round is, and which demos there are, is `chat_client`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from chat_client import SAMPLING_FIELDS, Asked, Demo, Model, Sampling, demos
from streamlit_ui.model_picker import facts
from streamlit_ui.prose import for_page
from streamlit_ui.settings_panel import IN_ADDRESS, load_sampling, settings_widgets

PROMPT = "playground_prompt"
LINKED = "playground_linked"  # The prompt that the address holds.
AT_ONCE = [field for field in SAMPLING_FIELDS if field.name == "temperature"]
FURTHER = [field for field in SAMPLING_FIELDS if field.name != "temperature"]


@dataclass(frozen=True)
class Setup:
    """What was chosen; `mark` shows where the answers part, `to_load` is not in memory yet."""

    asked: tuple[Asked, ...]
    blind: bool
    mark: bool
    to_load: frozenset[str] = frozenset()


NOTHING = Setup((), blind=False, mark=False)


def playground_setup(models: Sequence[Model], *, unfolded: bool) -> Setup:
    """Draws the demos, the switches, and one column for each side."""
    usable = [model for model in models if not model.refused]
    if not usable:
        st.warning(for_page(models[0].refused) if models else "There is no model to ask.")
        return NOTHING
    _demos(models)
    with st.expander("What is compared", expanded=unfolded, icon=":material/tune:"):
        count: int = st.segmented_control(
            "How many",
            [2, 3, 4],
            default=2,
            key="sides",
            required=True,
            bind="query-params",
            persist_state="session",
        )
        columns = st.columns(count)
        asked = [_side(number, usable, columns[number - 1]) for number in range(1, count + 1)]
    with st.container(horizontal=True, key="switches"):
        blind = st.toggle(
            "Hide the names",
            key="blind",
            help="Shuffles the sides and shows who is who only after your vote.",
            **IN_ADDRESS,
        )
        mark = st.toggle(
            "Mark where they part",
            key="mark",
            help="Shows the answers as plain text, with all that differs from the first marked.",
            **IN_ADDRESS,
        )
    return Setup(tuple(asked), blind, mark, frozenset(m.id for m in usable if not m.loaded))


def _demos(models: Sequence[Model]) -> None:
    with st.container(horizontal=True, key="demos"):
        for demo in demos(models):
            st.button(
                for_page(demo.name),
                key=f"demo-{demo.name}",
                icon=":material/science:",
                help=for_page(demo.problem or demo.what),
                disabled=bool(demo.problem),
                on_click=_use,
                args=(demo,),
            )


def _side(number: int, usable: Sequence[Model], column: st.delta_generator.DeltaGenerator) -> Asked:
    """The model and the settings of one side."""
    by_id = {model.id: model for model in usable}
    with column:
        chosen: str = st.selectbox(
            f"Model {number}",
            list(by_id),
            key=f"model_{number}",
            format_func=for_page,
            **IN_ADDRESS,
        )
        st.caption(facts(by_id[chosen]))
        values = settings_widgets(AT_ONCE, f"_{number}")
        with st.popover("More settings", key=f"more-{number}", width="stretch"):
            values |= settings_widgets(FURTHER, f"_{number}")
    return Asked(chosen, replace(Sampling(), **values))


def _use(demo: Demo) -> None:
    """Sets everything as the demo wants it; its prompt waits in the message box."""
    st.session_state.update(sides=len(demo.asked), blind=demo.blind, mark=demo.mark)
    for number, asked in enumerate(demo.asked, 1):
        st.session_state[f"model_{number}"] = asked.model
        load_sampling(asked.sampling, f"_{number}")
    st.session_state[PROMPT] = st.session_state[LINKED] = demo.prompt


def link_prompt() -> None:
    """Keeps the prompt in the address, and fills the message box from a link that was opened."""
    if LINKED not in st.session_state:
        st.session_state[LINKED] = st.query_params.get("prompt", "")
        if st.session_state[LINKED]:
            st.session_state[PROMPT] = st.session_state[LINKED]
    elif st.session_state[LINKED] and st.query_params.get("prompt") != st.session_state[LINKED]:
        st.query_params["prompt"] = st.session_state[LINKED]
