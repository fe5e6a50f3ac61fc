"""The rows of `tests/truth/ollama.json`, with what the model of Ollama makes of each.

Shared by the tests and by `benchmarks/accuracy`.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from llmscale.devices.sets import sized
from llmscale.formats.catalogue import number_format
from llmscale.formats.catalogue import quant as find_quant
from llmscale.model.inventory import inventory
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.placed import CACHE, COMPUTE, STATE, WEIGHTS, Placement
from llmscale.runtimes.registry import runtime
from llmscale.runtimes.subject import Exact
from llmscale.sources.registry import load
from llmscale.units import GIB
from tests.helpers import TRUTH

RECORD = json.loads((TRUTH / "ollama.json").read_text(encoding="utf-8"))
ROWS: list[dict[str, Any]] = RECORD["rows"]
CONTEXTS: list[dict[str, Any]] = RECORD["contexts"]
#: Decimal, as `ollama ps` writes.
GB = 1_000_000_000


@cache
def subject(name: str, quant: str) -> Exact:
    spec = load(name).known()
    return Exact(spec, inventory(spec), find_quant(quant))


def placed(row: dict[str, Any]) -> Placement:
    """Where the row's model lies on a device with what was free on its own."""
    what, devices = subject(row["catalogue"], row["quant"]), sized(int(row["free_gib"] * GIB), "free", reserve=0)
    work, ollama = Workload(row["context"], 1, number_format("fp16"), 2), runtime("ollama")
    return ollama.place(what, ollama.settle(what, work, devices), devices)


def held(row: dict[str, Any], kind: str) -> int:
    """Bytes of one kind on the device."""
    return placed(row).of(kind, host=False).value


def size(row: dict[str, Any]) -> int:
    """All that llama-server allocates on the device."""
    return sum(held(row, kind) for kind in (WEIGHTS, CACHE, STATE, COMPUTE))


def printed(row: dict[str, Any]) -> tuple[float, float]:
    """What the printed size may stand for, in GB: it is rounded to one digit, and cut off from ten on."""
    said = float(row["size"].split()[0])
    return (said, said + 1) if said >= 10 else (said - 0.05, said + 0.05)
