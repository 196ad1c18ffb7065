"""Gradio's Blocks without the work that nobody sees.

Owns: what an event skips costs nothing, and the page is told nothing twice and nothing wrong.
Gradio builds each part that `gr.skip()` stands for anew from its arguments, and its configuration
too, which took longer than the rest of a picture.
"""

from __future__ import annotations

from copy import copy
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.state_holder import SessionState

SKIPPED = gr.skip()


class LeanBlocks(gr.Blocks):
    """A page whose events may skip most of their outputs, many times a second."""

    async def postprocess_data(
        self, block_fn: BlockFunction, predictions: Any, state: SessionState | None
    ) -> list[Any]:
        """Turns only what is not skipped into what goes to the browser."""
        whole: Any = predictions
        several = isinstance(whole, tuple) and len(whole) == len(block_fn.outputs)
        if not several or not any(_skipped(each) for each in whole):
            return await super().postprocess_data(block_fn, whole, state)
        told = [at for at, each in enumerate(whole) if not _skipped(each)]
        data: list[Any] = [dict(SKIPPED) for _ in whole]
        if told:
            part = copy(block_fn)
            part.outputs = [block_fn.outputs[at] for at in told]
            # Gradio takes the value of a single output as it is.
            values: Any = [whole[at] for at in told] if len(told) > 1 else whole[told[0]]
            made = await super().postprocess_data(part, values, state)
            for at, each in zip(told, made, strict=True):
                data[at] = each
        return data

    def handle_streaming_diffs(
        self,
        block_fn: BlockFunction,
        data: list[Any],
        session_hash: str | None,
        run: str | None,
        final: bool,
        simple_format: bool = False,
    ) -> list[Any]:
        """Ends an event of the page without its last picture; sends whole what lost a part.

        Gradio would send that picture again. The browser keeps no order between two events, so
        the end of the first look at a chat could put Send where a question asked meanwhile has put
        Stop.
        """
        told = super().handle_streaming_diffs(
            block_fn, data, session_hash, run, final, simple_format
        )
        if final:
            private = block_fn.api_visibility == "private"
            return [dict(SKIPPED) for _ in told] if private else told
        if session_hash is None or run is None:
            return told
        now = self.pending_diff_streams[session_hash][run]
        return [
            [["replace", [], whole]] if edits is not whole and _takes_away(edits) else edits
            for edits, whole in zip(told, now, strict=True)
        ]


def _takes_away(edits: list[Any]) -> bool:
    """Whether something that was told is gone; the browser must not edit then.

    It edits in place, also what it has not drawn yet: a change of a part that is skipped in the
    next picture would be lost, Stop in the place of Send among them.

    Where a list in a list loses several of its parts, Gradio numbers them wrongly (`utils.diff`
    takes what is gone off twice), and the browser loses others.
    """
    return any(what == "delete" for what, _, _ in edits)


def _skipped(value: Any) -> bool:
    return isinstance(value, dict) and value == SKIPPED
