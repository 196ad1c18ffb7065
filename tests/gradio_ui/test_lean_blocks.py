"""What an event skips costs nothing, and what it tells arrives as with Gradio's own Blocks."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import gradio as gr
import pytest
from gradio.block_function import BlockFunction
from gradio.state_holder import SessionState

from gradio_ui.lean_blocks import LeanBlocks

BUBBLES = [{"role": "assistant", "content": [{"type": "text", "text": "  one"}]}]
PICTURES: list[Any] = [
    (BUBBLES, gr.skip(), gr.skip()),
    (gr.skip(), "words", gr.skip()),
    (gr.skip(), gr.skip(), gr.update(value="<b>1</b>", visible=True)),
    (BUBBLES, gr.skip(), "<i>2</i>"),
    (BUBBLES, "words", gr.update(visible=False)),
    (gr.skip(), gr.skip(), gr.skip()),
    ([], "", ""),
]


def page(kind: type[gr.Blocks]) -> tuple[gr.Blocks, BlockFunction]:
    """A page with one event of three outputs."""
    blocks: gr.Blocks
    with kind(analytics_enabled=False) as blocks:
        outputs = [gr.Chatbot(), gr.Textbox(), gr.HTML()]
        gr.Button().click(lambda: None, None, outputs)
    return blocks, next(iter(blocks.fns.values()))


@pytest.mark.parametrize("picture", PICTURES)
async def test_the_browser_is_told_the_same(picture: Any) -> None:
    told = []
    for kind in (gr.Blocks, LeanBlocks):
        blocks, event = page(kind)
        given = deepcopy(picture)  # Gradio takes the values out of it
        told.append(await blocks.postprocess_data(event, given, SessionState(blocks)))
    for was, usual, lean in zip(picture, *told, strict=True):
        # Gradio's own also changes a skipped HTML part: to what it is already.
        assert lean == (gr.skip() if was == gr.skip() else usual)


async def test_a_skipped_part_is_not_built_anew() -> None:
    blocks, event = page(LeanBlocks)
    state = SessionState(blocks)
    before = [state[block._id] for block in event.outputs]
    await blocks.postprocess_data(event, PICTURES[0], state)
    assert [state[block._id] for block in event.outputs] == before


async def test_one_value_for_all_parts_is_left_to_gradio() -> None:
    blocks, event = page(LeanBlocks)
    told = await blocks.postprocess_data(event, gr.skip(), SessionState(blocks))
    assert [each["__type__"] for each in told] == ["update"] * 3


@pytest.mark.parametrize("visibility", ["private", "public"])
async def test_the_end_of_an_event_draws_only_for_programs_again(visibility: Any) -> None:
    blocks: gr.Blocks
    with LeanBlocks(analytics_enabled=False) as blocks:
        outputs = [gr.Textbox(), gr.HTML()]
        gr.Button().click(lambda: None, None, outputs, api_visibility=visibility)
    event = next(iter(blocks.fns.values()))
    blocks.handle_streaming_diffs(event, ["words", "<b>1</b>"], "session", "run", final=False)
    told = blocks.handle_streaming_diffs(event, [None, None], "session", "run", final=True)
    assert told == ([gr.skip()] * 2 if visibility == "private" else ["words", "<b>1</b>"])


async def test_what_loses_several_parts_is_sent_whole() -> None:
    blocks, event = page(LeanBlocks)
    long, short = ([{"content": list(range(size))}] for size in (5, 1))
    for chat, told in ((long, long), (short, [["replace", [], short]])):
        data = [chat, "words", ""]
        sent = blocks.handle_streaming_diffs(event, data, "session", "run", final=False)
        assert sent[0] == told
    assert sent[1:] == [[], []]


async def test_a_change_is_not_taken_back_where_the_browser_is_late() -> None:
    """It edits in place what it has been told, so the next picture must not touch that."""
    blocks, event = page(LeanBlocks)
    stop = gr.update(value="", stop_btn="Stop")
    for box, told in ((stop, stop), (gr.skip(), [["replace", [], gr.skip()]]), (gr.skip(), [])):
        data = [[], dict(box), gr.skip()]
        sent = blocks.handle_streaming_diffs(event, data, "session", "run", final=False)
        assert sent[1] == told


async def test_of_words_that_grow_only_the_new_ones_are_sent() -> None:
    blocks, event = page(LeanBlocks)
    for words in ("one", "one two"):
        data = [[], gr.update(value=words), gr.skip()]
        sent = blocks.handle_streaming_diffs(event, data, "session", "run", final=False)
    assert sent[1] == [["append", ["value"], " two"]]
