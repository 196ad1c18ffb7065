"""The pages of the UI, in the order of the navigation: one line for each.

Owns: their titles, icons and addresses. What a page shows is its own module's.
"""

from __future__ import annotations

import streamlit as st

from streamlit_ui.chat_page import chat_page
from streamlit_ui.playground_page import playground_page
from streamlit_ui.presenter_page import presenter_page
from streamlit_ui.server_page import server_page


def pages() -> list[st.Page]:
    """Everything that can be opened; the first is the one at the root."""
    return [
        st.Page(chat_page, title="Chat", icon=":material/chat:", url_path="chat", default=True),
        st.Page(
            playground_page, title="Playground", icon=":material/compare:", url_path="playground"
        ),
        st.Page(server_page, title="Server", icon=":material/dns:", url_path="server"),
        st.Page(presenter_page, title="Present", icon=":material/co_present:", url_path="present"),
    ]
