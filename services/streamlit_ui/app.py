"""The page's script: Streamlit runs it from top to bottom at every click.

Owns: the frame around every page. The chat itself is `chat_page`'s.
"""

from __future__ import annotations

import streamlit as st

from streamlit_ui import look
from streamlit_ui.chat_page import chat_page

st.set_page_config("Lectern", str(look.ICON), initial_sidebar_state="auto")
look.dress()
chat_page()
