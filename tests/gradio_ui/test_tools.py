"""What agents find: two tools over MCP, bounded, and nothing else."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client as Agent

from chat_client import ChatError, ChatSettings
from chat_client.line import Line
from gradio_ui import tools as bounds
from gradio_ui.lookout import Lookout
from gradio_ui.tools import Tools
from tests.documents import page
from tests.gradio_ui.upstream import MODEL, SEES, Upstream, until
from tests.running import ROOT, Service, running, wait_until

TOOLS = {"ask", "models"}
PROTOCOLS = pytest.mark.parametrize("protocol", ["auto", "legacy"])


def calling(service: Service, protocol: str) -> Agent:
    return Agent(f"{service.url}/mcp", mode=protocol)


def structured(result: Any) -> dict[str, Any]:
    assert not result.is_error, result.content
    found: dict[str, Any] = result.structured_content
    return found


@PROTOCOLS
async def test_an_agent_finds_two_tools_and_what_they_mean(service: Service, protocol: str) -> None:
    async with calling(service, protocol) as agent:
        listed = {tool.name: tool for tool in (await agent.list_tools()).tools}
        assert not (await agent.list_resources()).resources
        assert not (await agent.list_prompts()).prompts
    assert set(listed) == TOOLS
    assert "one question" in (listed["ask"].description or "")
    parameters = listed["ask"].input_schema["properties"]
    assert list(parameters) == ["question", "model", "system_prompt", "temperature", "max_tokens"]
    assert all(parameter["description"] for parameter in parameters.values())
    assert listed["ask"].input_schema["required"] == ["question"]


@PROTOCOLS
async def test_an_agent_asks_the_model(service: Service, server: Upstream, protocol: str) -> None:
    asked = {"question": "What is a token?", "system_prompt": "Be kind.", "max_tokens": 9}
    async with calling(service, protocol) as agent:
        offered = structured(await agent.call_tool("models", {}))["result"]
        reply = structured(await agent.call_tool("ask", asked))
    assert [model["id"] for model in offered] == [MODEL, SEES]
    assert reply["answer"].strip() == "You asked: What is a token?"
    assert (reply["model"], reply["finish_reason"]) == (MODEL, "stop")
    body = server.bodies[-1]
    assert body["messages"][0] == {"role": "system", "content": "Be kind."}
    assert (body["max_tokens"], body["temperature"]) == (9, 0.7)


@PROTOCOLS
async def test_a_call_out_of_bounds_is_refused_in_words(
    service: Service, server: Upstream, protocol: str
) -> None:
    before = len(server.bodies)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"model": "nope"}, f"There is: {MODEL}, {SEES}."),
        ({"max_tokens": bounds.MOST_TOKENS + 1}, "max_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"question": "a" * (bounds.MOST_QUESTION_CHARS + 1)}, "question"),
        ({"question": " "}, "empty"),
    ]
    async with calling(service, protocol) as agent:
        for arguments, says in wrong:
            result = await agent.call_tool("ask", {"question": "hello", **arguments})
            assert result.is_error
            assert says in str(result.content)
    assert len(server.bodies) == before


@PROTOCOLS
async def test_a_call_waits_in_line_and_a_cancelled_one_frees_the_model(
    service: Service, server: Upstream, protocol: str
) -> None:
    told: list[str] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    async with calling(service, protocol) as agent, calling(service, protocol) as other:
        endless = asyncio.create_task(agent.call_tool("ask", {"question": "endless"}))
        await until(lambda: server.open == 1)
        waiting = asyncio.create_task(
            other.call_tool("ask", {"question": "next please"}, progress_callback=note)
        )
        await until(lambda: any("Waiting in line" in words for words in told))
        endless.cancel()
        reply = structured(await waiting)
    assert reply["answer"].strip() == "You asked: next please"
    assert server.open == 0


@PROTOCOLS
def test_an_agent_that_dies_frees_the_model(
    service: Service, server: Upstream, protocol: str
) -> None:
    code = (
        "import asyncio, mcp\n"
        "async def call():\n"
        f"    async with mcp.Client('{service.url}/mcp', mode='{protocol}') as client:\n"
        "        await client.call_tool('ask', {'question': 'endless'})\n"
        "asyncio.run(call())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        wait_until(lambda: server.open == 1, "the answer to begin")
        process.kill()
        wait_until(lambda: server.open == 0, "the model to be free")


async def test_only_so_many_calls_are_taken_at_once(
    model_server: Upstream, chat_settings: ChatSettings
) -> None:
    tools = Tools(chat_settings, Lookout(chat_settings), Line(1))

    async def call() -> None:
        async for _ in tools.ask("endless"):
            pass

    calls = [asyncio.create_task(call()) for _ in range(bounds.MOST_CALLS)]
    await until(lambda: model_server.open == 1)
    with pytest.raises(ChatError, match="Too many calls"):
        await call()
    await tools.close()
    for ended in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(ended, ChatError)
    await until(lambda: model_server.open == 0)


async def test_a_call_that_takes_too_long_is_ended(
    model_server: Upstream, chat_settings: ChatSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "LONGEST_S", 0.0)
    tools = Tools(chat_settings, Lookout(chat_settings), Line(1))
    with pytest.raises(ChatError, match="was not there after"):
        async for _ in tools.ask("endless"):
            pass
    await until(lambda: model_server.open == 0)


def test_an_agent_on_the_line_does_not_delay_the_end(tmp_path: Path, server: Upstream) -> None:
    code = (
        "import asyncio, mcp, sys\n"
        "async def call():\n"
        "    async with mcp.Client(sys.argv[1] + '/mcp', mode='legacy') as client:\n"
        "        await client.call_tool('ask', {'question': 'endless'})\n"
        "asyncio.run(call())\n"
    )
    env = {"LMSTUDIO_URL": server.url, "GRADIO_MCP": "true"}
    with running("gradio_ui", tmp_path, env) as service:
        with subprocess.Popen(
            [sys.executable, "-c", code, service.url], stderr=subprocess.DEVNULL
        ) as process:
            wait_until(lambda: server.open == 1, "the answer to begin")
            assert service.stop(timeout_s=30) == 0
            wait_until(lambda: server.open == 0, "the model to be free")
            process.kill()
        assert "Traceback" not in service.log


@pytest.mark.parametrize("example", page(ROOT / "docs" / "ui.md").blocks("python"))
def test_the_examples_of_the_documents_work(service: Service, example: str) -> None:
    assert "http://127.0.0.1:7860" in example
    code = example.replace("http://127.0.0.1:7860", service.url)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert "You asked: What is a token?" in done.stdout
