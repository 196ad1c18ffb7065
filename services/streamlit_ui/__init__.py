"""Lectern's Streamlit page: a view over `chat_client`, and nothing that another UI would need.

Owns: the page's look, its conversations while the process runs, and drawing an answer smoothly
while it comes. Start it with `python -m streamlit_ui`.
"""
