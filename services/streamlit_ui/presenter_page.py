"""Presenter mode: a deck of prepared prompts on a big stage, for a room that looks at a projector.

Owns: the order of the page and its keys. It shows no key and no host; the deck is `deck`'s, the
answers are `stage`'s.
"""

from __future__ import annotations

import streamlit as st

from chat_client import Model, ServerState
from streamlit_ui import answer_view
from streamlit_ui.deck import OUR_DECK, DeckProblem, Prompt, load_deck
from streamlit_ui.model_picker import chosen_model
from streamlit_ui.prose import for_page
from streamlit_ui.resources import server_watch
from streamlit_ui.settings import StreamlitSettings
from streamlit_ui.stage import Scene, Stage
from streamlit_ui.stage_look import dress_stage
from streamlit_ui.stage_timer import stage_timer
from streamlit_ui.timer import every
from streamlit_ui.veil import veiled

FRESH_S = 30.0
RETRY_S = 3.0


def presenter_page() -> None:
    """One run."""
    dress_stage()
    stage = _stage()
    state = server_watch().state(FRESH_S)
    typed = st.chat_input("Ask what the room asks", key="room_question", disabled=not state.ready)
    prompt: Prompt | None = st.session_state.pop("stage_prompt", None)
    if typed:
        prompt = Prompt(typed)
    if prompt is not None and state.ready:
        stage.ask(prompt, _model_for(prompt, state))
    _bar(stage, state)
    told, shown = st.columns([5, 7], gap="large")
    with told.container(key="stage-step"):
        _step(stage, state)
    if not state.ready:
        _wait()
        return
    with shown.container(key="stage-answers"):
        for number, scene in enumerate(stage.here):
            with st.container(key=f"scene-{stage.number}-{number}"):
                if _scene(scene):
                    st.rerun()


def _stage() -> Stage:
    stage: Stage | None = st.session_state.get("stage")
    if stage is None:
        path = StreamlitSettings().streamlit_deck
        try:
            steps = load_deck(path or OUR_DECK)
        except DeckProblem as problem:
            st.error(f"The deck in STREAMLIT_DECK cannot be used. {problem} Here is ours.")
            steps = load_deck(OUR_DECK)
        stage = st.session_state["stage"] = Stage(steps)
    return stage


def _model_for(prompt: Prompt, state: ServerState) -> Model | None:
    """The prompt's own model where it is there, else the one that is chosen."""
    usable = [model for model in state.models if not model.refused]
    own = next((model for model in usable if model.id == prompt.model), None)
    return own or chosen_model(state.models)


def _bar(stage: Stage, state: ServerState) -> None:
    """Where in the talk we are, how long it has taken, and the keys to go on."""
    number, last = stage.number, len(stage.steps)
    with st.container(horizontal=True, vertical_alignment="center", key="stage-bar"):
        st.markdown(f"**{number}** / {last}", width="stretch")
        if (reply := stage.under_way) is not None:
            st.button("Stop", icon=":material/stop_circle:", shortcut="Esc", on_click=reply.stop)
        stage_timer()
        with st.popover("Steps", icon=":material/list:", key="steps"):
            for other, step in enumerate(stage.steps, 1):
                st.button(
                    f"{other} · {for_page(step.title)}",
                    key=f"step-{other}",
                    type="primary" if other == number else "tertiary",
                    width="stretch",
                    on_click=stage.go,
                    args=(other,),
                )
            st.button("Start over", icon=":material/restart_alt:", on_click=stage.start_over)
        st.button(
            "Reset",
            icon=":material/undo:",
            shortcut="Backspace",
            disabled=not stage.here,
            help="This step, as nobody had asked anything in it",
            on_click=stage.reset,
        )
        _go(stage, "Back", "Left", number - 1, disabled=number == 1)
        _go(stage, "Next", "Right", number + 1, disabled=number == last)
    with st.container(key="stage-keys"):  # not seen: what a clicker sends
        _go(stage, "Back a step", "PageUp", number - 1)
        st.button("Go on", shortcut="PageDown", on_click=_go_on, args=(stage, state.ready))


def _go(stage: Stage, label: str, key: str, number: int, *, disabled: bool = False) -> None:
    st.button(label, shortcut=key, disabled=disabled, on_click=stage.go, args=(number,))


def _go_on(stage: Stage, ready: bool) -> None:
    """What a clicker's one key does: the next prompt of this step, else the next step."""
    prompt = stage.next_prompt
    if prompt is not None and ready:
        st.session_state["stage_prompt"] = prompt
    else:
        stage.go(stage.number + 1)


def _step(stage: Stage, state: ServerState) -> None:
    step = stage.step
    st.title(for_page(step.title), anchor=False)
    st.markdown(for_page(step.text))
    for number, prompt in enumerate(step.prompts):
        note = f"  \n:small[{for_page(prompt.note)}]" if prompt.note else ""
        st.button(
            f"{for_page(prompt.text)}{note}",
            key=f"prompt-{stage.number}-{number}",
            icon=":material/play_arrow:",
            width="stretch",
            disabled=not state.ready,
            on_click=lambda asked: st.session_state.update(stage_prompt=asked),
            args=(prompt,),
        )


def _scene(scene: Scene) -> bool:
    """One prompt and its answer; True when it has ended while it was drawn."""
    note = f" · {scene.prompt.note}" if scene.prompt.note else ""
    st.caption(for_page(f"**{scene.prompt.text}**{note}"))
    if scene.reply.open:
        answer_view.follow(scene.reply)
        return True
    entry = scene.reply.entry
    if entry.error is not None:
        st.error(for_page(veiled(str(entry.error))), icon=":material/error:")
        server_watch().forget()
    else:
        answer_view.draw(entry)
    return False


@every(RETRY_S)
def _wait() -> None:
    """Why no answer can come, without telling where; goes away by itself."""
    state = server_watch().state(RETRY_S - 1)
    if state.ready:
        st.rerun()
    failed = next((step.detail for step in state.steps if not step.ok), "No model answers.")
    st.warning(
        for_page(veiled(f"**No answer can come just now:** {failed} {state.advice}")),
        icon=":material/link_off:",
    )
