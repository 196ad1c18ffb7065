"""What the Server page shows and does: state, models, programs, requests, the last turn.

Owns which card is drawn again and the loading of models. How a card looks is `server_cards`' and
`request_log`'s.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import gradio as gr

from chat_client import (
    ALL_MODELS,
    PAST_GATEWAY,
    VIA_GATEWAY,
    ChatError,
    ChatSettings,
    Exchange,
    Outcome,
    RequestLog,
    Room,
    gateway_address,
    grouped,
    load_model,
    program_targets,
    snippets,
    unload_model,
)
from gradio_ui.controls import read_choices
from gradio_ui.lookout import Lookout
from gradio_ui.navigation import SERVER
from gradio_ui.request_log import MOST_ROWS, log_notes, log_rows
from gradio_ui.server_cards import (
    gateway_card,
    models_card,
    progress,
    snippets_card,
    state_card,
    trouble,
    wire_card,
)
from gradio_ui.session import Session

LOOK_AGE_S = 4.0


class ServerHandlers:
    """One instance serves every session."""

    def __init__(self, settings: ChatSettings, lookout: Lookout, room: Room) -> None:
        self._settings = settings
        self._lookout = lookout
        self._room = room

    async def look(
        self, session: Session, request: gr.Request, chosen: str, picked: str
    ) -> tuple[Any, ...]:
        """The cards that look different from what this page shows; `picked`: whom programs ask."""
        if session.place != SERVER:
            return (gr.skip(),) * 5
        outlook = await self._lookout.look(LOOK_AGE_S)
        targets = {
            each.name: each
            for each in program_targets(self._settings, request.headers.get("host", ""))
        }
        target, own = targets.get(picked, targets[VIA_GATEWAY]), targets.get(PAST_GATEWAY)
        choices = read_choices(chosen)
        model = choices.model or outlook.choose(None) or "model"
        programs = snippets(
            target.settings, model, sampling=choices.sampling, base_url=target.address
        )
        models = models_card(grouped(outlook.models), session.told, busy=False)
        return (
            _changed(session, "state", state_card(outlook, own.address if own else "")),
            gr.skip() if session.loading else _changed(session, "models", models),
            _changed(session, "targets", ", ".join(targets), gr.update(visible=len(targets) > 1)),
            _changed(session, "snippets", snippets_card(programs)),
            _changed(session, "wire", wire_card(_last(session))),
        )

    async def log(
        self, session: Session, request: gr.Request, outcome: Outcome, model: str
    ) -> tuple[Any, ...]:
        """The gateway's card; what runs and the newest requests that ended, of those picked."""
        if session.place != SERVER:
            return (gr.skip(),) * 4
        log: RequestLog | ChatError
        try:
            log = await self._room.requests(MOST_ROWS, looks=False, outcome=outcome, model=model)
        except ChatError as away:
            log = away
        past_gateway = self._settings.root_url != self._settings.gateway_url
        address = gateway_address(self._settings, request.headers.get("host", ""))
        rows = log_rows(log, session.utc_offset_minutes, picked=bool(outcome or model))
        return (
            _changed(session, "gateway", gateway_card(log, address)),
            _changed(session, "notes", log_notes(log, past_gateway)),
            self._models_asked(session, log),
            _changed(session, "log", rows),
        )

    def _models_asked(self, session: Session, log: RequestLog | ChatError) -> Any:
        """The models that were seen in the log, to pick one; none goes while the page is open."""
        asked = session.asked.union(log.models) if isinstance(log, RequestLog) else session.asked
        if asked == session.asked:
            return gr.skip()
        session.asked = asked
        return gr.update(choices=[(ALL_MODELS, ""), *sorted(asked)])

    async def act(self, session: Session, event: gr.EventData) -> AsyncGenerator[Any, None]:
        """A model's button: loads or unloads it and tells of it in the model's row."""
        asked, model = event._data, str(event._data.get("id"))
        outlook = await self._lookout.look(LOOK_AGE_S)
        groups = grouped(outlook.models)
        if session.loading or outlook.find(model) is None:
            yield gr.skip()  # without anything, Gradio would empty the list
            return
        session.loading, session.told = True, {}
        try:
            async with aclosing(self._act(model, asked)) as steps:
                async for told in steps:
                    yield models_card(groups, {model: told}, busy=True)
        except ChatError as error:
            session.told = {model: trouble(error)}
        finally:
            session.loading = False
        outlook = await self._lookout.look(max_age_s=0.0)
        session.cards["models"] = models_card(grouped(outlook.models), session.told, busy=False)
        yield session.cards["models"]

    async def _act(self, model: str, asked: dict[str, Any]) -> AsyncGenerator[str, None]:
        if asked.get("do") == "unload":
            yield "Unloading"
            await unload_model(self._settings, model)
            return
        keep, context = bool(asked.get("keep")), str(asked.get("context") or "")
        length = int(context) if keep and context.isdigit() else None
        async with aclosing(load_model(self._settings, model, length, keep=keep)) as steps:
            async for step in steps:
                yield progress(step.share, step.seconds)


def _last(session: Session) -> Exchange | None:
    return session.turn.record if session.turn else None


def _changed(session: Session, name: str, html: str, update: Any = None) -> Any:
    """What the page is told, if anything: the card, or `update` for a part that is none."""
    if session.cards.get(name) == html:
        return gr.skip()
    session.cards[name] = html
    return html if update is None else update
