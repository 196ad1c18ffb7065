"""One change in the gateway's room, asked for by a click: a refusal is told, never raised.

Owns how a refusal is shown. What is changed, and which list is stale then, is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from chat_client import ChatError
from streamlit_ui.prose import for_page


def room_changed(call: Callable[[], object], forget: Callable[[], None]) -> bool:
    """Calls, and forgets the list that it made stale in any case; False when it failed."""
    try:
        call()
    except ChatError as error:
        st.toast(for_page(str(error)), icon=":material/error:")
        return False
    finally:
        forget()
    return True
