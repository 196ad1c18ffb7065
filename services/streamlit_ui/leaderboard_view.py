"""The leaderboard: scores from the room's votes, with how certain each one is.

Owns: the chart and its text. The estimate is `chat_client`'s, the votes are the gateway's.
"""

from __future__ import annotations

import streamlit as st

from chat_client import ChatError, Standing, Totals, blocking, leaderboard
from streamlit_ui.prose import for_page
from streamlit_ui.resources import room

FRESH_S = 10.0
ROW_PX = 44


@st.cache_data(ttl=FRESH_S, show_spinner=False)
def _totals() -> Totals:
    return blocking(room().totals("room"))


def forget_votes() -> None:
    """Makes the next leaderboard count anew."""
    _totals.clear()


def leaderboard_view() -> None:
    """Draws it, or why there is none."""
    with st.expander("Leaderboard", icon=":material/leaderboard:"):
        try:
            totals = _totals()
        except ChatError as error:
            st.caption(
                f":orange[●] Votes are not kept now. {for_page(error.message)} "
                "The Playground works without them."
            )
            return
        standings = leaderboard(totals)
        if not standings:
            st.caption("No votes yet. Ask, vote, and the standings appear here.")
            return
        noun = "vote" if totals.votes == 1 else "votes"
        st.caption(
            f"Bradley-Terry scores from {totals.votes:,} {noun} of the room; 1,000 is average, 400 "
            "points more mean ten wins for one loss. With 95 % confidence the true score lies "
            "on the line: where two lines overlap, the votes do not tell who is better."
        )
        _chart(standings)
        st.table([_row(place, each) for place, each in enumerate(standings, 1)])


def _name(standing: Standing) -> str:
    return f"{standing.model} · {standing.label}" if standing.label else standing.model


def _chart(standings: list[Standing]) -> None:
    rows = [
        {"name": _name(each), "score": each.score, "low": each.low, "high": each.high}
        for each in standings
    ]
    name = {
        "field": "name",
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {"labelLimit": 260},
    }
    scale = {"zero": False}
    spec = {
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 3, "opacity": 0.6},
                "encoding": {
                    "x": {"field": "low", "type": "quantitative", "scale": scale, "title": "Score"},
                    "x2": {"field": "high"},
                    "y": name,
                },
            },
            {
                "mark": {"type": "point", "filled": True, "size": 110, "opacity": 1},
                "encoding": {
                    "x": {"field": "score", "type": "quantitative", "scale": scale},
                    "y": name,
                },
            },
        ],
        "height": ROW_PX * len(rows),
    }
    best = standings[0]
    st.vega_lite_chart(
        rows,
        spec,
        alt=f"Scores with their intervals; the best is {_name(best)} with {best.score:.0f}, "
        f"from {best.low:.0f} to {best.high:.0f}. The table below has all of them.",
    )


def _row(place: int, standing: Standing) -> dict[str, str]:
    return {
        "Place": str(place),
        "Model": for_page(_name(standing)),
        "Score": f"{standing.score:,.0f}",
        "95 % interval": f"{standing.low:,.0f} to {standing.high:,.0f}",
        "Votes": f"{standing.games:,}",
        "Won": f"{standing.wins:,}",
        "Lost": f"{standing.losses:,}",
        "Tied": f"{standing.ties:,}",
        "Both bad": f"{standing.both_bad:,}",
    }
