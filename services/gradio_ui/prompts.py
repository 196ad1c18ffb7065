"""The library of system prompts beside the box for one: used, kept, deleted.

Owns the small panel and what its buttons do. What is in the library is `chat_client`'s; the box
itself is one of `controls`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from chat_client import BUILT_IN_PROMPTS, ChatError, Room, SystemPrompt, keep_prompt, prompt_library
from gradio_ui.notice import notice

NAME_CHARS = 80


@dataclass(frozen=True)
class PromptPanel:
    """The panel's widgets."""

    group: gr.Accordion
    pick: gr.Dropdown
    name: gr.Textbox
    keep: gr.Button
    delete: gr.Button
    told: gr.HTML


def make_prompt_panel() -> PromptPanel:
    """Builds the panel inside the layout block that is open right now."""
    with gr.Accordion("Prompt library", open=False, visible=False, elem_id="prompts") as group:
        pick = gr.Dropdown(
            label="Use a prompt",
            info="It takes the place of what stands in the box above.",
            choices=_choices(BUILT_IN_PROMPTS),
            value=None,
            elem_id="library-prompt",
        )
        name = gr.Textbox(
            label="Keep the prompt in the box as",
            placeholder="Name for this prompt",
            max_length=NAME_CHARS,
            elem_id="prompt-name",
        )
        with gr.Row():
            keep = gr.Button("Keep", size="sm", min_width=80)
            delete = gr.Button("Delete prompt", size="sm", min_width=80)
        told = gr.HTML("", visible=False, elem_id="prompt-notice", padding=False)
    return PromptPanel(group, pick, name, keep, delete, told)


class Prompts:
    """The panel's handlers; one instance serves every session."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def look(self, picked: str | None) -> tuple[Any, Any]:
        """The list as it is now."""
        try:
            return _listed(prompt_library(await self._room.presets()), picked), notice("")
        except ChatError as away:
            return _listed(BUILT_IN_PROMPTS, picked), notice(str(away))

    async def use(self, picked: str | None) -> Any:
        """What the box for the system prompt then holds."""
        try:
            library = prompt_library(await self._room.presets())
        except ChatError:
            library = list(BUILT_IN_PROMPTS)
        return next((each.text for each in library if each.id == picked), gr.skip())

    async def keep(self, name: str | None, text: str | None) -> tuple[Any, Any, Any]:
        """Keeps what stands in the box; the same name of one's own prompt is replaced."""
        try:
            kept = await keep_prompt(self._room, name or "", text or "")
            library = prompt_library(await self._room.presets())
        except ChatError as error:
            return gr.skip(), gr.skip(), notice(str(error))
        return _listed(library, kept), "", notice("")

    async def delete(self, picked: str | None) -> tuple[Any, Any]:
        """Deletes the picked prompt; those of others and those that come along stay."""
        try:
            library = prompt_library(await self._room.presets())
            prompt = next((each for each in library if each.id == picked), None)
            if prompt is None or not prompt.mine:
                return gr.skip(), notice("Choose a prompt of your own first.")
            await self._room.delete_preset(prompt.id)
            library = prompt_library(await self._room.presets())
        except ChatError as error:
            return gr.skip(), notice(str(error))
        return _listed(library, None), notice("")


def _choices(library: tuple[SystemPrompt, ...] | list[SystemPrompt]) -> list[tuple[str, str]]:
    return [(each.label, each.id) for each in library]


def _listed(library: tuple[SystemPrompt, ...] | list[SystemPrompt], picked: str | None) -> Any:
    choices = _choices(library)
    known = picked if any(picked == id_ for _, id_ in choices) else None
    return gr.update(choices=choices, value=known)


def wire_prompts(system: gr.Textbox, panel: PromptPanel, prompts: Prompts, how: Any) -> None:
    """Connects the panel's events; `how`: the arguments that every event has."""
    listed = [panel.pick, panel.told]
    panel.group.expand(prompts.look, [panel.pick], listed, **how)
    panel.pick.input(prompts.use, [panel.pick], [system], **how)
    kept = [panel.pick, panel.name, panel.told]
    panel.keep.click(prompts.keep, [panel.name, system], kept, **how)
    panel.name.submit(prompts.keep, [panel.name, system], kept, **how)
    panel.delete.click(prompts.delete, [panel.pick], listed, **how)
