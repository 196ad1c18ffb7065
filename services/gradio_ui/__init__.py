"""Lectern's Gradio chat: a view over `chat_client`, at `/` of its own small web server.

One question's story: `handlers` gets it from the page, a `Turn` waits for a place in the `Line`,
reads the model's answer and closes the connection whatever happens, `transcript` draws the chat
again at most 25 times a second. While no model server answers, `Lookout` notices and `state_page`
says what was tried. Agents get their two `tools` through `agents`;
`callers` keeps pages from elsewhere out of all of it. Nothing here speaks HTTP to a model server
itself.
"""
