"""Settings under a name, kept in the gateway: used, saved, deleted; both web UIs share them.

Owns the small panel and what its buttons do. What a setting is, is `controls`'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from chat_client import ChatError, Preset, Room, is_prompt
from gradio_ui.controls import SETTINGS, Controls, read_choices, set_settings
from gradio_ui.file_desk import FileDesk
from gradio_ui.notice import notice
from gradio_ui.page_scripts import FILES

NAME_CHARS = 80
BUTTONS = (
    '<p class="files"><button type="button" data-file="import">Import presets</button>'
    '<button type="button" data-file="export">Export presets</button></p>'
)
NO_NAME = "Give the preset a name first."


@dataclass(frozen=True)
class PresetPanel:
    """The panel's widgets."""

    group: gr.Column
    pick: gr.Dropdown
    name: gr.Textbox
    save: gr.Button
    delete: gr.Button
    files: gr.HTML
    told: gr.HTML


def make_preset_panel() -> PresetPanel:
    """Builds the panel inside the layout block that is open right now."""
    with gr.Column(visible=False, elem_id="presets") as group:
        pick = gr.Dropdown(
            label="Preset",
            info="Settings and system prompt under a name, the same in both web pages.",
            choices=[],
            value=None,
            elem_id="preset",
        )
        name = gr.Textbox(
            label="New preset",
            show_label=False,
            placeholder="Name for these settings",
            max_length=NAME_CHARS,
            elem_id="preset-name",
        )
        with gr.Row():
            save = gr.Button("Save", size="sm", min_width=80)
            delete = gr.Button("Delete", size="sm", min_width=80)
        files = gr.HTML(BUTTONS, js_on_load=FILES, apply_default_css=False, padding=False)
        told = gr.HTML("", visible=False, elem_id="preset-notice", padding=False)
    return PresetPanel(group, pick, name, save, delete, files, told)


class Presets:
    """The panel's handlers; one instance serves every session."""

    def __init__(self, room: Room, desk: FileDesk) -> None:
        self._room = room
        self._desk = desk

    async def look(self, picked: str | None) -> tuple[Any, Any]:
        """The list as it is now."""
        try:
            return _listed(await self._room.presets(), picked), notice("")
        except ChatError as away:
            return gr.update(choices=[], value=None), notice(str(away))

    async def use(self, picked: str | None) -> tuple[Any, ...]:
        """Sets the settings' widgets to what the picked preset holds."""
        try:
            presets = await self._room.presets()
        except ChatError:
            presets = ()
        for preset in presets:
            if preset.id == picked:
                return set_settings(
                    preset.settings, str(preset.settings.get("system_prompt") or "")
                )
        return (gr.skip(),) * SETTINGS

    async def save(self, name: str, chosen: str) -> tuple[Any, Any, Any]:
        """Keeps the settings as they are; the same name of one's own preset is replaced."""
        choices, name = read_choices(chosen), " ".join((name or "").split())
        if choices.problem is not None or not name:
            words = str(choices.problem) if choices.problem else NO_NAME
            return gr.skip(), gr.skip(), notice(words)
        settings = choices.sampling.settings()
        settings |= {"system_prompt": choices.system} if choices.system else {}
        try:
            kept = await self._room.presets()
            same = next((each for each in kept if each.mine and each.name == name), None)
            if same is None:
                preset = await self._room.create_preset(name, settings)
            else:
                preset = await self._room.change_preset(same, settings=settings)
            presets = await self._room.presets()
        except ChatError as error:
            return gr.skip(), gr.skip(), notice(str(error))
        return _listed(presets, preset.id), "", notice("")

    async def export(self) -> tuple[Any, Any]:
        """One's own presets as a file; the key to fetch it by."""
        try:
            return self._desk.leaving.put(await self._room.export_presets()), notice("")
        except ChatError as error:
            return gr.skip(), notice(str(error))

    async def load(self, picked: str | None, event: gr.EventData) -> tuple[Any, Any]:
        """Presets from a file that has arrived."""
        told: dict[str, Any] = event._data or {}
        file = self._desk.arrived.take(str(told.get("key", "")))
        if file is None:
            return gr.skip(), notice(str(told.get("problem") or "The file did not arrive."))
        try:
            report = await self._room.load_presets(file.data)
            presets = await self._room.presets()
        except ChatError as error:
            return gr.skip(), notice(str(error))
        more = f" {report.duplicates:,} were here already." if report.duplicates else ""
        return _listed(presets, picked), notice(f"{report.presets:,} presets came in.{more}")

    async def delete(self, picked: str | None) -> tuple[Any, Any]:
        """Deletes the picked preset; another's stays."""
        try:
            if picked:
                await self._room.delete_preset(picked)
            return _listed(await self._room.presets(), None), notice("")
        except ChatError as error:
            return gr.skip(), notice(str(error))


def _listed(presets: tuple[Preset, ...], picked: str | None) -> Any:
    choices = [
        (each.name if each.mine else f"{each.name} (from {each.owner})", each.id)
        for each in presets
        if not is_prompt(each)
    ]
    known = picked if any(picked == id_ for _, id_ in choices) else None
    return gr.update(choices=choices, value=known)


def wire_presets(
    controls: Controls, panel: PresetPanel, presets: Presets, export: gr.Textbox, how: Any
) -> None:
    """Connects the panel's events.

    `export`: the box that names a file to fetch; `how`: the arguments that every event has.
    """
    panel.pick.input(presets.use, [panel.pick], controls.settings, **how)
    saved = [panel.pick, panel.name, panel.told]
    given = [panel.name, controls.chosen]
    panel.save.click(presets.save, given, saved, **how)
    panel.name.submit(presets.save, given, saved, **how)
    panel.files.download(presets.export, None, [export, panel.told], **how)
    panel.files.upload(presets.load, [panel.pick], [panel.pick, panel.told], **how)
    panel.delete.click(presets.delete, [panel.pick], [panel.pick, panel.told], **how)
