"""How the playground's own HTML looks: demos, names, marked answers, the vote, the leaderboard.

Owns its words and marks; everything foreign is escaped. `cards.js` makes its buttons act.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from chat_client import Demo, Pane, Round, Standing, no_vote_because, verdicts

NO_VOTES = "No votes yet. Ask, then say which answer is better."
EXPLAINED = (
    "Bradley-Terry scores: 400 points more means ten wins for each loss. The bar is the 95 % "
    "interval: where two overlap, more votes are needed."
)


def demos_card(demos: Sequence[Demo]) -> str:
    """One button a demo; one that cannot be done here says why."""
    buttons = "".join(
        f'<button type="button" data-do="demo" data-id="{number}"'
        f"{' disabled' if demo.problem else ''}><b>{escape(demo.name)}</b>"
        f"<small>{escape(demo.problem or demo.what)}</small></button>"
        for number, demo in enumerate(demos)
    )
    return f'<section class="demos card" aria-label="Try it">{buttons}</section>'


def pane_head(round_: Round, pane: Pane) -> str:
    """Who answers and how fast."""
    numbers = round_.numbers(pane)
    if pane.entry.state == "coming":
        waiting = round_.waiting(pane).line or "reading the prompt"
        numbers = "answering" if pane.entry.text else waiting
    return (
        f'<div class="pane-head"><h2>{escape(round_.name(pane))}</h2>'
        f"<small>{escape(numbers) or '&nbsp;'}</small></div>"
    )


def marked(shared: str, rest: str) -> str:
    """An answer in which what is its own stands out from what all share."""
    own = f"<mark>{escape(rest)}</mark>" if rest else ""
    return f'<p class="marked"><span>{escape(shared)}</span>{own}</p>'


def same(round_: Round) -> str:
    """A sentence when no answer differs from another."""
    texts = {pane.entry.text for pane in round_.panes}
    if round_.open or len(texts) > 1:
        return ""
    return "All answers are the same, word for word."


def ballot(round_: Round, told: str) -> str:
    """The vote's buttons, or why there is nothing to vote on; `told`: what came of the vote."""
    if round_.verdict is not None:
        words = dict(verdicts(round_)).get(round_.verdict, "")
        inside = f"<p><b>{escape(words)}.</b> {escape(told or 'Thank you, the vote counts.')}</p>"
    elif reason := no_vote_because(round_):
        inside = f"<p class='fine'>{escape(reason)}</p>"
    else:
        inside = "".join(
            f'<button type="button" data-do="vote" data-id="{verdict}">{escape(words)}</button>'
            for verdict, words in verdicts(round_)
        )
    note = f"<p class='fine'>{escape(same(round_))}</p>" if same(round_) else ""
    return f'<section class="ballot card" aria-label="Vote">{note}{inside}</section>'


def leaderboard_card(standings: Sequence[Standing], problem: str = "") -> str:
    """Scores as bars over a table that says the same in numbers."""
    if problem or not standings:
        inside = f"<p class='fine' role='status'>{escape(problem or NO_VOTES)}</p>"
    else:
        low = min(each.low for each in standings)
        span = max(each.high for each in standings) - low or 1.0
        rows = "".join(_standing(place, each, low, span) for place, each in enumerate(standings, 1))
        heads = ("", "Model", "Score", "95 % interval", "", "Votes", "Won", "Lost", "Tied", "Bad")
        head = "".join(f"<th scope='col'>{name}</th>" for name in heads)
        inside = (
            f"<p class='fine'>{EXPLAINED}</p>"
            '<div class="rows" tabindex="0" role="region" aria-label="Leaderboard"><table>'
            f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        )
    return f'<section class="card" aria-label="Leaderboard"><h2>Leaderboard</h2>{inside}</section>'


def _standing(place: int, each: Standing, low: float, span: float) -> str:
    name = f"{each.model} · {each.label}" if each.label else each.model
    left, right, middle = (100 * (x - low) / span for x in (each.low, each.high, each.score))
    bar = (
        f'<div class="interval" aria-hidden="true"><i style="left:{left:.1f}%;'
        f'width:{right - left:.1f}%"></i><b style="left:{middle:.1f}%"></b></div>'
    )
    numbers = (each.games, each.wins, each.losses, each.ties, each.both_bad)
    return (
        f"<tr><td>{place}</td><th scope='row'>{escape(name)}</th><td>{each.score:.0f}</td>"
        f"<td>{each.low:.0f} to {each.high:.0f}</td><td>{bar}</td>"
        f"{''.join(f'<td>{number}</td>' for number in numbers)}</tr>"
    )
