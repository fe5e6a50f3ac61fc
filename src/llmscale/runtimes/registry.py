"""Which runtimes there are. One line each; what is known of one stands in its own folder."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any, cast

from llmscale import plugins
from llmscale.errors import NotFoundError
from llmscale.names import normal
from llmscale.runtimes.interface import Runtime, RuntimeInfo
from llmscale.runtimes.releases import holding, newest

#: What ``--runtime`` calls each, and its folder here.
ROOMS = {
    "transformers": "transformers",
    "llama.cpp": "llama_cpp",
    "vllm": "vllm",
    "exllama": "exllama",
    "mlx": "mlx",
    "sglang": "sglang",
    "ollama": "ollama",
    "lmdeploy": "lmdeploy",
    "tensorrt-llm": "tensorrt_llm",
    "ktransformers": "ktransformers",
}
NAMES = tuple(ROOMS)
#: The one that is asked first where nobody names a runtime or a quant: what most people run.
FIRST = "llama.cpp"
#: Those that run the published files of what the first cannot load: what serves them, then what runs nearly all.
NEXT = ("vllm", "transformers")
#: What packages bring them as.
KIND = "runtimes"
#: Between a runtime and its release.
AT = "@"


def named(name: str) -> str:
    """The runtime that goes by `name`, without its release; one of another package only where none of ours does.

    Raises:
        NotFoundError: none does.
    """
    wanted = normal(name.partition(AT)[0])
    found = next((known for known in NAMES if normal(known) == wanted), None)
    if found is None:
        found = next((brought for brought in plugins.names(KIND) if normal(brought) == wanted), None)
    if found is None or (found not in ROOMS and plugins.find(KIND, found) is None):
        raise NotFoundError(f"There is no runtime called '{name[:40]}'.", f"Known: {', '.join(NAMES)}.")
    return found


@cache
def runtime(name: str) -> Runtime:
    """The runtime called `name`, of the release behind an ``@``; without one of the newest that was read.

    Raises:
        NotFoundError: there is none.
        UsageError: a release that was not read.
    """
    known, _, release = name.partition(AT)
    known = named(known)
    if known not in ROOMS:
        return cast(Runtime, _brought(known).runtime(release))
    if release:
        holding(known, release)
    room = import_module(f"{__package__}.{ROOMS[known]}.runtime")
    return cast(Runtime, room.runtime(release or newest(known)))


@cache
def info(name: str) -> RuntimeInfo:
    """What is known of the runtime called `name`, without loading what computes for it.

    Raises:
        NotFoundError: there is none.
    """
    known = named(name)
    room = import_module(f"{__package__}.{ROOMS[known]}.info") if known in ROOMS else _brought(known)
    found: RuntimeInfo = room.INFO
    return found


def _brought(name: str) -> Any:
    """The module of another package, which `named` has found."""
    return plugins.find(KIND, name)


def infos() -> Iterator[RuntimeInfo]:
    """Of all of them."""
    return map(info, NAMES)
