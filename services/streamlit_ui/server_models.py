"""The models of the server: what is in memory, what could be, and buttons to change that.

Owns: the rows and their buttons. The work itself is `model_jobs`'.
"""

from __future__ import annotations

import streamlit as st

from chat_client import Model, blocking, grouped, manage_problem
from streamlit_ui.model_jobs import ModelJob
from streamlit_ui.model_picker import facts
from streamlit_ui.prose import for_page
from streamlit_ui.resources import chat_settings, model_jobs, server_watch
from streamlit_ui.timer import every

LOOK_S = 4.0
STEP_S = 0.4
KEEP = "Keep it until it is unloaded"
KEEP_HELP = (
    "Without it, the model is loaded as a question would do it, with LM Studio's progress; another "
    "model may take its place later. With it, the model stays; how far loading is cannot be told."
)


def server_models() -> None:
    """Draws the list and keeps it true."""
    under_way = model_jobs().under_way
    every(STEP_S if under_way else LOOK_S)(_list)(under_way)


def _list(shown_under_way: bool) -> None:
    if model_jobs().under_way != shown_under_way:
        st.rerun()  # looks more often, or less
    problem = _manage_problem()
    for group in grouped(server_watch().state(LOOK_S).models):
        st.caption(f"**{group.name}**")
        for model in group.models:
            with st.container(border=True, key=f"row-{model.id}"):
                _row(model, problem)


@st.cache_data(ttl=30, show_spinner=False)
def _manage_problem() -> str:
    return blocking(manage_problem(chat_settings()))


def _row(model: Model, problem: str) -> None:
    job = model_jobs().of(model.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{for_page(model.id)}**  \n:small[{facts(model)}]", width="stretch")
        if job is not None and job.error is None:
            st.button(
                "Cancel",
                key=f"cancel-{model.id}",
                on_click=model_jobs().stop,
                args=(model.id,),
                disabled=not job.loading,
            )
        elif model.loaded:
            st.button(
                "Unload",
                icon=":material/eject:",
                key=f"unload-{model.id}",
                on_click=model_jobs().unload,
                args=(model.id,),
                disabled=bool(problem),
                help=problem or "Takes it out of memory",
            )
        else:
            _load_button(model, problem)
    if job is not None:
        _progress(model, job)


def _load_button(model: Model, problem: str) -> None:
    with st.popover(
        "Load",
        icon=":material/play_arrow:",
        disabled=bool(model.refused),
        help=model.refused or None,
        key=f"load-{model.id}",
    ):
        keep = st.toggle(
            KEEP,
            key=f"keep-{model.id}",
            disabled=bool(problem),
            help=problem or KEEP_HELP,
        )
        context = st.number_input(
            "Context in tokens",
            min_value=1,
            max_value=model.max_context_length,
            value=None,
            step=1024,
            placeholder="the model's default",
            key=f"context-{model.id}",
            disabled=not keep,
            help="How much text it can look at. More takes more memory.",
        )
        st.button(
            f"Load {for_page(model.id)}",
            type="primary",
            key=f"begin-{model.id}",
            width="stretch",
            on_click=_begin,
            args=(model.id, context if keep else None, keep),
        )


def _begin(model: str, context_length: int | None, keep: bool) -> None:
    model_jobs().load(model, context_length, keep=keep)


def _progress(model: Model, job: ModelJob) -> None:
    if job.error is not None:
        st.error(for_page(str(job.error)), icon=":material/error:")
        st.button("Close", key=f"close-{model.id}", on_click=model_jobs().stop, args=(model.id,))
        return
    seconds = f"{job.progress.seconds:.0f} s"
    if job.progress.share is not None:
        st.progress(job.progress.share, f"Loading: {job.progress.share:.0%} · {seconds}")
    else:
        st.caption(f"{'Loading' if job.loading else 'Unloading'} … {seconds}")
