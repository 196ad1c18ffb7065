"""What all open pages of this process share, made at the first use.

Owns: the one settings object, the one probe, the one shelf and the one room of the process, and
that its garbage collections leave alone what stays.
"""

from __future__ import annotations

import gc

import streamlit as st

from chat_client import ChatSettings, Recent, Room, Round
from streamlit_ui.conversation import Shelf
from streamlit_ui.history import History
from streamlit_ui.model_jobs import ModelJobs
from streamlit_ui.request_watch import RequestWatch
from streamlit_ui.server_watch import ServerWatch


@st.cache_resource
def chat_settings() -> ChatSettings:
    return ChatSettings()


@st.cache_resource
def server_watch() -> ServerWatch:
    return ServerWatch(chat_settings())


@st.cache_resource
def shelf() -> Shelf:
    return Shelf()


@st.cache_resource
def rounds() -> Recent[Round]:
    """The Playground's, so that a reload finds its own again."""
    return Recent(lambda round_: not round_.open)


@st.cache_resource
def room() -> Room:
    return Room(chat_settings())


@st.cache_resource
def history() -> History:
    return History(room())


@st.cache_resource
def model_jobs() -> ModelJobs:
    return ModelJobs(chat_settings(), server_watch().forget)


@st.cache_resource
def request_watch() -> RequestWatch:
    return RequestWatch(room())


@st.cache_resource
def keep_what_is_loaded() -> None:
    """Spares collections what stays, once: all that the first page has loaded.

    Walking through it took 129 ms (150,000 objects), which an answer under way stood still for.
    """
    gc.freeze()
