"""The page's script: Streamlit runs it from top to bottom at every click.

Owns: the frame around every page, and which page runs. What there is stands in `pages`.
"""

from __future__ import annotations

import streamlit as st

from streamlit_ui import look
from streamlit_ui.pages import pages
from streamlit_ui.resources import keep_what_is_loaded
from streamlit_ui.session import keep_reading
from streamlit_ui.timer import start_at_the_top

start_at_the_top()
st.set_page_config("Lectern", str(look.ICON), initial_sidebar_state="auto")
look.dress()
# On top where there is room, in the side panel on a phone.
page = st.navigation(pages(), position="top")
if page.url_path:  # The chat at the root reads its answers by itself.
    keep_reading()
page.run()
keep_what_is_loaded()
