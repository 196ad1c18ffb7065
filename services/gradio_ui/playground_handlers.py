"""What happens in the playground: asking several at once, stopping, demos, votes, the leaderboard.

Owns the order of those steps for one browser session. The round is a `Match`; how it looks is
`playground_cards`'.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import gradio as gr

from chat_client import (
    Asked,
    ChatError,
    Pane,
    Verdict,
    cast,
    demos,
    leaderboard,
)
from gradio_ui.controls import read_choices
from gradio_ui.handlers import Handlers
from gradio_ui.match import Match
from gradio_ui.navigation import PLAYGROUND
from gradio_ui.notice import notice
from gradio_ui.playground_cards import ballot, demos_card, leaderboard_card, marked, pane_head
from gradio_ui.playground_rules import (
    MOST,
    RULES,
    Updates,
    contestants,
    offered_rules,
    rules_of,
)
from gradio_ui.session import Session

PICTURE = 4 + 4 * MOST  # widgets that a round changes
SAME = (gr.skip(),) * PICTURE  # Gradio empties what a handler without any picture draws
RULED = (gr.skip(),) * RULES
EMPTY = "Write a prompt first, or try one of the comparisons above."
LOOK_AGE_S = 4.0
Playing = AsyncGenerator[Updates, None]


class PlaygroundHandlers:
    """One instance serves every session."""

    def __init__(self, handlers: Handlers) -> None:
        self._settings = handlers.settings
        self._room = handlers.room
        self._lookout = handlers.lookout
        self._line = handlers.line
        self._matches = handlers.matches

    async def look(self, session: Session, kept: str, *rules: Any) -> Updates:
        """Demos and everybody's choice of models, when the place is turned to.

        `kept` is what the browser remembers of the rules, from before a reload.
        """
        if session.place != PLAYGROUND:
            return (gr.skip(),) * (1 + RULES)
        outlook = await self._lookout.look(LOOK_AGE_S)
        return demos_card(demos(outlook.models)), *offered_rules(outlook.models, rules, kept)

    async def board(self, session: Session) -> Any:
        """The leaderboard as it is now."""
        return await self._standings() if session.place == PLAYGROUND else gr.skip()

    async def ask(self, session: Session, *values: Any) -> Playing:
        """The prompt as it stands, of the contestants as they stand."""
        prompt, *rules, chosen = values
        _, blind, mark = rules[:3]
        if session.playing:
            yield SAME
            return
        asked, problem = [], "" if (prompt or "").strip() else EMPTY
        try:
            asked = contestants(rules)
        except ChatError as error:
            problem = problem or str(error)
        if problem:
            yield _picture(session, bool(mark), problem)
            return
        match = Match(
            self._settings,
            self._line,
            prompt.strip(),
            asked,
            blind=blind,
            system=read_choices(chosen).system,
            grace_s=self._settings.chat_abandoned_s,
            to_load=self._asleep(asked),
        )
        async with aclosing(self._play(session, match, bool(mark))) as pictures:
            async for picture in pictures:
                yield picture

    async def demo(self, session: Session, event: gr.EventData) -> Playing:
        """A comparison of the list: sets the page to it and asks at once."""
        outlook = await self._lookout.look(LOOK_AGE_S)
        known, number = demos(outlook.models), int(event._data.get("id", -1))
        if session.playing or not 0 <= number < len(known) or known[number].problem:
            yield RULED + SAME
            return
        demo = known[number]
        match = Match(
            self._settings,
            self._line,
            demo.prompt,
            demo.asked,
            blind=demo.blind,
            grace_s=self._settings.chat_abandoned_s,
            to_load=self._asleep(demo.asked),
        )
        rules = rules_of(demo)
        async with aclosing(self._play(session, match, demo.mark, value=demo.prompt)) as pictures:
            async for picture in pictures:
                yield rules + picture
                rules = RULED

    async def back(self, session: Session, id_: str) -> Playing:
        """A page that was loaded anew: its round is shown again and followed to its end."""
        match = self._matches.get(id_)
        if session.place != PLAYGROUND or session.match is not None or match is None:
            yield SAME
            return
        session.match, box = match, {"value": match.prompt}
        async with aclosing(match.follow()) as news:
            async for _ in news:
                yield _picture(session, mark=False, **box)
                box = {}

    async def vote(self, session: Session, mark: bool, event: gr.EventData) -> Updates:
        """A verdict: reveals the names and keeps it, if the gateway is there."""
        round_ = session.match.round if session.match else None
        said = str(event._data.get("id"))
        verdict: Verdict = int(said) if said.isdigit() else said
        if round_ is None or round_.open or round_.verdict is not None:
            return (*_picture(session, mark), gr.skip())
        session.voted = await cast(self._room, round_, verdict)
        return (*_picture(session, mark), await self._standings())

    async def drawn(self, session: Session, mark: bool) -> Updates:
        """The round again, with or without marks where the answers part."""
        return _picture(session, mark)

    def _asleep(self, asked: Sequence[Asked]) -> set[str]:
        """Those that are not in memory, as far as is known."""
        known = (self._lookout.find(each.model) for each in asked)
        return {model.id for model in known if model is not None and not model.loaded}

    async def _play(self, session: Session, match: Match, mark: bool, **box: Any) -> Playing:
        """`box`: what the prompt's box is set to with the first picture."""
        session.match, session.voted = match, ""
        match.id = self._matches.keep(match)
        async with aclosing(match.follow()) as news:
            async for _ in news:
                yield _picture(session, mark, **box)
                box = {}

    async def _standings(self) -> str:
        try:
            return leaderboard_card(leaderboard(await self._room.totals()))
        except ChatError as away:
            return leaderboard_card((), f"Votes are not kept now. {away}")


def _picture(session: Session, mark: bool, problem: str = "", **box: Any) -> Updates:
    """The round: status, the prompt's button, the panes (each in four parts), the vote."""
    match, round_ = session.match, session.match.round if session.match else None
    playing = session.playing
    words = f"Waiting in line: place {match.place}." if match and match.place and playing else ""
    button = gr.update(
        submit_btn=False if playing else "Ask all", stop_btn="Stop all" if playing else False, **box
    )
    panes = round_.panes if round_ else ()
    cuts = round_.parted() if round_ and mark else ()
    columns, heads, texts, marks = [], [], [], []
    for number in range(MOST):
        there = number < len(panes)
        columns.append(gr.update(visible=there))
        pane = panes[number] if there else None
        heads.append(pane_head(round_, pane) if round_ and pane else gr.skip())
        texts.append(gr.update(value=_answer(pane), visible=not mark) if pane else gr.skip())
        cut = marked(*cuts[number]) if pane and cuts else ""
        marks.append(gr.update(value=cut, visible=mark) if pane else gr.skip())
    vote = ballot(round_, session.voted) if round_ and not playing else ""
    return (
        notice(problem or words),
        button,
        *columns,
        *heads,
        *texts,
        *marks,
        vote,
        match.id if match else "",
    )


def _answer(pane: Pane) -> str:
    if pane.entry.error is not None:
        return f"{pane.entry.text}\n\n*{pane.entry.error}*".strip()
    if not pane.entry.text and pane.entry.reasoning:
        return "*Thinking…*"
    return pane.entry.text
