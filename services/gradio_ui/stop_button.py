"""The way of Stop from the page to the model: a script in the page, a route here.

Owns both. An event of Gradio's would take three times as long: the page gathers what every event
brings along, and the service hands it to threads and back before it comes to a handler.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from fastapi import FastAPI, Request, Response

from gradio_ui.session import Session

SCRIPT = Path(__file__).with_name("stop_button.js").read_text()


def offer_stop(app: FastAPI) -> None:
    """Adds the route; call it before Gradio is mounted."""
    app.add_route("/stop/{box}/{session_hash}", _stop, methods=["POST"])


async def _stop(request: Request) -> Response:
    """Ends what the box of this page has asked for; whoever draws that notices and draws the end.

    Only who knows the name that Gradio gave the page's session can stop its answers.
    """
    session = find_session(request.app.state.gradio, request.path_params["session_hash"])
    if session is None:
        return Response("This page is not known here. Load it anew.\n", 404)
    under_way = session.match if request.path_params["box"] == "prompt" else session.turn
    if under_way is not None:
        await under_way.stop()
    return Response(status_code=204)


def find_session(app: gr.routes.App, session_hash: str) -> Session | None:
    """What Gradio keeps for a page; it would make a new one for any name that it is asked for."""
    held = app.state_holder.session_data.get(session_hash)
    states = held.state_data.values() if held else ()
    return next((state for state in states if isinstance(state, Session)), None)
