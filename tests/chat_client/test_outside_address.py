"""The model server's address for people outside the containers."""

from __future__ import annotations

import pytest

from chat_client import ChatSettings, gateway_address, outside_address


@pytest.mark.parametrize(
    ("root", "page_host", "outside"),
    [
        ("http://host.docker.internal:1234", "127.0.0.1:7860", "http://127.0.0.1:1234"),
        ("http://host.docker.internal:1234", "192.168.1.5:7860", "http://192.168.1.5:1234"),
        ("http://host.docker.internal:1234", "[::1]:7860", "http://[::1]:1234"),
        ("http://gateway:8000", "desk.local:7860", "http://desk.local:9000"),
        ("http://engine:1234", "192.168.1.5:7860", "http://127.0.0.1:4321"),
        ("http://127.0.0.1:1234", "192.168.1.5:7860", "http://127.0.0.1:1234"),
        ("https://models.example.org", "127.0.0.1:7860", "https://models.example.org"),
    ],
)
def test_a_name_from_inside_a_container_becomes_one_that_people_can_use(
    root: str, page_host: str, outside: str
) -> None:
    settings = ChatSettings(lmstudio_url=root, llm_url="", gateway_port=9000, engine_port=4321)
    assert outside_address(settings, page_host) == outside


@pytest.mark.parametrize("page_host", ["", "a'b", "<script>", "[", "x y"])
def test_a_host_header_that_is_no_host_is_not_repeated(page_host: str) -> None:
    settings = ChatSettings(lmstudio_url="http://host.docker.internal:1234", llm_url="")
    assert outside_address(settings, page_host) == "http://127.0.0.1:1234"


def test_teammates_reach_the_gateway_under_the_name_of_the_page_whatever_the_chats_ask() -> None:
    settings = ChatSettings(
        lmstudio_url="http://host.docker.internal:1234",
        llm_url="",
        gateway_url="http://gateway:8000",
        gateway_port=9000,
    )
    assert gateway_address(settings, "desk.local:7860") == "http://desk.local:9000"
