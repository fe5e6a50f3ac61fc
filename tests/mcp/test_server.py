"""The tools as an assistant meets them: the SDK's own client speaks with the real process."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import TINY, environment, good, run, write_config

pytest.importorskip("mcp.server.lowlevel", reason="the extra [mcp] is not installed: make test-extras")

import anyio
from mcp.client.session import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client

from llmscale.questions.endpoints import ENDPOINTS


def ask(do: Callable[[ClientSession], Awaitable[Any]], *arguments: str) -> Any:
    """What `do` makes of a session with a server that was started so."""

    async def session() -> Any:
        command = StdioServerParameters(
            command=sys.executable, args=["-m", "llmscale", "mcp", *arguments], env=environment()
        )
        with anyio.fail_after(60):
            async with stdio_client(command) as (read, write), ClientSession(read, write) as client:
                await client.initialize()
                return await do(client)

    return anyio.run(session)


def called(name: str, said: dict[str, Any], *arguments: str) -> Any:
    return ask(lambda client: client.call_tool(name, said), *arguments)


def test_every_question_is_a_tool_with_its_parameters() -> None:
    tools = {tool.name: tool for tool in ask(lambda client: client.list_tools()).tools}
    assert set(tools) == set(ENDPOINTS)
    schema = tools["estimate"].input_schema
    assert schema["required"] == ["model"]
    assert {"gpu", "quant", "context", "ubatch"} <= set(schema["properties"])
    assert all(tool.description and tool.annotations.read_only_hint for tool in tools.values())


@pytest.mark.parametrize(
    ("name", "said", "command"),
    [
        ("params", {"model": "gpt2"}, "params gpt2"),
        (
            "estimate",
            {"model": "llama-2-7b", "quant": ["q4_k_m"], "gpu": ["rtx4090"], "context": "8k"},
            "estimate llama-2-7b -q q4_k_m --gpu rtx4090 -c 8k",
        ),
        ("fits", {"device": "rtx4090"}, "fits rtx4090"),
        ("needs", {"model": "llama-2-70b", "max_count": 4}, "needs llama-2-70b --max-count 4"),
        (
            "needs",
            {"model": "qwen3-8b", "users": 20, "prompt": "2k", "answer": 500, "tpot": "50ms", "max_count": 1},
            "needs qwen3-8b --users 20 --in 2k --out 500 --tpot 50ms --max-count 1",
        ),
    ],
)
def test_an_answer_is_that_of_the_command_line(name: str, said: dict[str, Any], command: str) -> None:
    answer = called(name, said)
    assert not answer.is_error
    assert json.loads(answer.content[0].text) == good(*command.split(), "-o", "json").json()
    assert answer.structured_content == json.loads(answer.content[0].text)


@pytest.mark.parametrize(
    ("name", "said", "kind"),
    [
        ("estimate", {"model": "nosuch"}, "not_found"),
        ("estimate", {"model": "gpt-4"}, "undisclosed"),
        ("estimate", {"model": "gpt2", "nosuch": 1}, "usage"),
        ("estimate", {"model": {"deep": 1}}, "usage"),
        ("nosuch", {}, "usage"),
    ],
)
def test_what_cannot_be_answered_is_an_error_of_the_contract(name: str, said: dict[str, Any], kind: str) -> None:
    answer = called(name, said)
    assert answer.is_error
    assert json.loads(answer.content[0].text)["error"]["kind"] == kind


def test_no_file_is_reached_unless_allowed(tmp_path: Path) -> None:
    path = str(write_config(tmp_path, TINY))
    assert called("params", {"model": path}).is_error
    assert not called("params", {"model": path}, "--allow-files").is_error


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "llmscale.mcp.server", raising=False)
    monkeypatch.setitem(sys.modules, "mcp.server.lowlevel.server", None)
    answer = run("mcp")
    assert answer.status == 2
    assert "pip install 'llmscale[mcp]'" in answer.err
