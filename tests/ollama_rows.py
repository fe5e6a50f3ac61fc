"""The rows of `tests/truth/ollama.json`, with what the model of Ollama makes of each.

Shared by the tests and by `benchmarks/accuracy`.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from llmscale.answers.model import Model
from llmscale.answers.ollama import predicted

from llmscale.formats.catalogue import number_format
from llmscale.formats.catalogue import quant as find_quant
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.llama_cpp.simulate import settings_of, taken
from llmscale.runtimes.llama_cpp.simulator.buffers import Buffers
from llmscale.runtimes.ollama.runtime import settled
from llmscale.sources.registry import load
from llmscale.units import GIB

TRUTH = json.loads((Path(__file__).resolve().parent / "truth" / "ollama.json").read_text(encoding="utf-8"))
ROWS: list[dict[str, Any]] = TRUTH["rows"]
CONTEXTS: list[dict[str, Any]] = TRUTH["contexts"]
#: Decimal, as `ollama ps` writes.
GB = 1_000_000_000


@cache
def model(name: str) -> Model:
    return Model.of(load(name).known())


def given(row: dict[str, Any]) -> Workload:
    """What Ollama gives to llama-server."""
    found, work = model(row["catalogue"]), Workload(row["context"], 1, number_format("fp16"), 2)
    want = predicted(found, find_quant(row["quant"])).bytes(row["context"])
    return settled(work, found.spec, want, int(row["free_gib"] * GIB))


def buffers(row: dict[str, Any]) -> Buffers:
    spec = model(row["catalogue"]).spec
    assert spec is not None
    return taken(spec, settings_of(given(row)))


def weights(row: dict[str, Any]) -> int:
    """Bytes of the weights on the device."""
    found, quant = model(row["catalogue"]), find_quant(row["quant"])
    return found.weights(quant).value - found.host(quant)


def size(row: dict[str, Any]) -> int:
    held = buffers(row)
    return weights(row) + held.cache[0] + held.state[0] + held.compute[0]


def printed(row: dict[str, Any]) -> tuple[float, float]:
    """What the printed size may stand for, in GB: it is rounded to one digit, and cut off from ten on."""
    said = float(row["size"].split()[0])
    return (said, said + 1) if said >= 10 else (said - 0.05, said + 0.05)
