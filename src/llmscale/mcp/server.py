"""The tools, made from the table of endpoints; an answer is the JSON of the contract, an error the contract's error."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from anyio import run, to_thread
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server
from mcp.types import CallToolResult, ListToolsResult, TextContent, Tool, ToolAnnotations

from llmscale import __version__
from llmscale.answers.results.common import SCHEMA
from llmscale.errors import LlmscaleError
from llmscale.questions.endpoints import ENDPOINTS, answer
from llmscale.questions.said import words_of
from llmscale.questions.schema import body
from llmscale.render.writers.contract import contract
from llmscale.sources import registry

INSTRUCTIONS = (
    "Memory and parameters of large models, exact where they can be. Each figure has a basis: exact, modelled, "
    "assumed, reported or rumoured; say which when you pass one on, and do not correct a figure from memory."
)


def serve(allow_files: bool) -> None:
    """Answer on stdin and stdout until they are closed."""
    run(partial(_serve, allow_files))


async def _serve(allow_files: bool) -> None:
    server = tools(allow_files)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def tools(allow_files: bool = False) -> Server[Any]:
    """A server that has every endpoint as a tool.

    Args:
        allow_files: whether a question may name files of this machine.
    """

    async def listed(_: Any, __: Any) -> ListToolsResult:
        return ListToolsResult(tools=[_tool(name) for name in ENDPOINTS])

    async def called(_: Any, asked: Any) -> CallToolResult:
        work = partial(_answered, asked.name, asked.arguments or {}, allow_files)
        return await to_thread.run_sync(work)

    return Server(
        "llmscale",
        version=__version__,
        title="llmscale",
        instructions=INSTRUCTIONS,
        on_list_tools=listed,
        on_call_tool=called,
    )


def _tool(name: str) -> Tool:
    endpoint = ENDPOINTS[name]
    hints = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
    return Tool(name=name, description=endpoint.help, input_schema=body(endpoint), annotations=hints)


def _answered(name: str, said: dict[str, Any], allow_files: bool) -> CallToolResult:
    token = registry.only.set(None if allow_files else registry.HARMLESS)
    try:
        if name not in ENDPOINTS:
            return _failed("usage", f"There is no tool '{name[:40]}'.", f"One of: {', '.join(ENDPOINTS)}.")
        found = contract(answer(name, words_of(said)))
    except LlmscaleError as error:
        return _failed(error.kind, error.message, error.hint)
    finally:
        registry.only.reset(token)
    return CallToolResult(content=[_text(found)], structured_content=found)


def _failed(kind: str, message: str, hint: str) -> CallToolResult:
    content = {"schema": SCHEMA, "error": {"kind": kind, "message": message, "hint": hint}}
    return CallToolResult(content=[_text(content)], structured_content=content, is_error=True)


def _text(content: Any) -> TextContent:
    return TextContent(type="text", text=json.dumps(content, ensure_ascii=False))
