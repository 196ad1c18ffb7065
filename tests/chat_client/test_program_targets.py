"""Whom a person's own programs may ask, under which address, and that its key stays masked."""

from __future__ import annotations

from pydantic import SecretStr

from chat_client import PAST_GATEWAY, VIA_GATEWAY, ChatSettings, program_targets, snippets

SERVER, GATEWAY = "http://host.docker.internal:1234", "http://gateway:8000"


def test_the_gateway_comes_first_and_the_server_itself_next_under_the_pages_name() -> None:
    settings = ChatSettings(lmstudio_url=SERVER, llm_url="", gateway_url=GATEWAY)
    first, second = program_targets(settings, "desk.local:7860")
    assert (first.name, first.address) == (VIA_GATEWAY, "http://desk.local:8000")
    assert (second.name, second.address) == (PAST_GATEWAY, "http://desk.local:1234")


def test_where_the_chats_go_through_the_gateway_there_is_no_way_past_it() -> None:
    settings = ChatSettings(lmstudio_url=SERVER, llm_url=GATEWAY, gateway_url=GATEWAY)
    assert [each.name for each in program_targets(settings)] == [VIA_GATEWAY]


def test_a_program_for_the_gateway_wants_a_key_and_tells_nobodys() -> None:
    for key in ("", "lk-very-secret-key"):
        settings = ChatSettings(
            lmstudio_url=SERVER, llm_url="", gateway_url=GATEWAY, gateway_key=SecretStr(key)
        )
        gateway, server = program_targets(settings)
        asking = snippets(gateway.settings, "tiny", base_url=gateway.address)
        assert all("YOUR_KEY" in each.code and "secret" not in each.code for each in asking)
        past = snippets(server.settings, "tiny", base_url=server.address)
        assert not any("YOUR_KEY" in each.code for each in past)
