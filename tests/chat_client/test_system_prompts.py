"""The library of system prompts: what comes along, what is kept, what is a preset instead."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from chat_client import (
    BUILT_IN_PROMPTS,
    ChatError,
    ChatSettings,
    Room,
    is_prompt,
    keep_prompt,
    prompt_library,
)
from tests.conftest import new_key
from tests.running import Service


@pytest.fixture
def room(gateway: Service, run_folder: Path, tmp_path: Path) -> Room:
    key = new_key(run_folder, tmp_path.name)
    return Room(ChatSettings(gateway_url=gateway.url, gateway_key=SecretStr(key)))


def test_a_kept_prompt_stands_first_and_the_same_name_replaces_it(room: Room) -> None:
    async def story() -> None:
        first = await keep_prompt(room, "  My   poet ", "Answer in rhymes.")
        assert await keep_prompt(room, "My poet", "Answer in haiku.") == first
        library = prompt_library(await room.presets())
        assert [(each.name, each.text) for each in library[:-5]] == [
            ("My poet", "Answer in haiku.")
        ]
        assert library[0].mine
        assert tuple(library[1:]) == BUILT_IN_PROMPTS
        assert not any(each.mine for each in BUILT_IN_PROMPTS)

    asyncio.run(story())


def test_settings_with_a_prompt_are_a_preset_and_not_in_the_library(room: Room) -> None:
    async def story() -> None:
        await room.create_preset("Both", {"system_prompt": "Be brief.", "temperature": 0.1})
        (preset,) = await room.presets()
        assert not is_prompt(preset)
        assert prompt_library([preset]) == list(BUILT_IN_PROMPTS)

    asyncio.run(story())


@pytest.mark.parametrize(("name", "text"), [(" ", "Be brief."), ("Brief", " \n")])
def test_a_prompt_without_name_or_words_is_not_kept(room: Room, name: str, text: str) -> None:
    with pytest.raises(ChatError):
        asyncio.run(keep_prompt(room, name, text))
    assert asyncio.run(room.presets()) == ()


def test_a_shared_prompt_of_somebody_else_can_be_used_and_says_whose_it_is(
    room: Room, gateway: Service, run_folder: Path, tmp_path: Path
) -> None:
    key = new_key(run_folder, f"{tmp_path.name}-ben")
    ben = Room(ChatSettings(gateway_url=gateway.url, gateway_key=SecretStr(key)))

    async def story() -> None:
        kept = await ben.create_preset("Judge", {"system_prompt": "Judge."}, shared=True)
        try:
            library = prompt_library(await room.presets())
            (shared,) = (each for each in library if each.id == kept.id)
            assert not shared.mine
            assert shared.label == f"Judge (from {tmp_path.name}-ben)"
        finally:
            await ben.delete_preset(kept.id)

    asyncio.run(story())
