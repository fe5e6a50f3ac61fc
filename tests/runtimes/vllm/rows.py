"""The rows of `tests/truth/vllm.json`, with what the model of vLLM's memory makes of each.

Shared by the tests and by `benchmarks/accuracy`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from math import prod
from typing import Any, NamedTuple

from llmscale.formats.catalogue import quant
from llmscale.model.inventory import inventory
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.parallel.planes import planes_of
from llmscale.runtimes.parallel.ranks import Parallel
from llmscale.runtimes.parallel.shards import PlaneBytes
from llmscale.runtimes.vllm.profile import DeviceTraits
from llmscale.runtimes.vllm.releases import MEASURED, release
from llmscale.runtimes.vllm.startup import Card, Startup, VllmSettings, startup
from llmscale.sources.registry import load
from llmscale.units import GIB
from tests.helpers import TRUTH

ROWS: list[dict[str, Any]] = json.loads((TRUTH / "vllm.json").read_text(encoding="utf-8"))["rows"]

#: The catalogue's name of each model of the rows that is used; the others are not in the catalogue or not named.
MODELS = {
    "codellama/CodeLlama-7b-hf": "codellama-7b",
    "deepseek-ai/DeepSeek-V2-Lite-Chat": "deepseek-v2-lite",
    "RedHatAI/Llama-3.3-70B-Instruct-fp8-dynamic": "llama-3.3-70b",
    "RedHatAI/Qwen2.5-7B-Instruct-fp8-dynamic": "qwen2.5-7b",
    "google/gemma-2-27b-it": "gemma-2-27b",
    "google/gemma-2-2b-it": "gemma-2-2b",
    "google/gemma-2-9b-it": "gemma-2-9b",
    "google/gemma-3-27b-it": "gemma-3-27b",
    "google/gemma-7b": "gemma-7b",
    "ibm-granite/granite-3.1-2b-instruct": "granite-3.1-2b",
    "ibm-granite/granite-3.3-8b-instruct": "granite-3.3-8b",
    "meta-llama/Llama-3.1-8B-Instruct": "llama-3.1-8b",
    "mistralai/Mixtral-8x7B-Instruct-v0.1": "mixtral-8x7b",
    "moonshotai/Kimi-Dev-72B": "qwen2.5-72b",  # the same shape
    "openai/gpt-oss-20b": "gpt-oss-20b",
    "Qwen/Qwen2.5-7B-Instruct": "qwen2.5-7b",
    "Qwen/Qwen3-30B-A3B": "qwen3-30b-a3b",
    "RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w8a8": "llama-3.1-8b",
    "mistralai/Mistral-Small-3.1-24B-Instruct-2503": "mistral-small-3.1",
    "Qwen/Qwen2.5-72B-Instruct": "qwen2.5-72b",
    "redhatai/Llama-3.3-70B-Instruct-quantized.w8a8": "llama-3.3-70b",
    "Qwen/Qwen3-14B": "qwen3-14b",
    "Qwen/Qwen3-0.6B": "qwen3-0.6b",
    "Qwen/Qwen3-32B": "qwen3-32b",
    "neuralmagic/Meta-Llama-3.1-70B-Instruct-quantized.w8a8": "llama-3.1-70b",
    "meta-llama/Meta-Llama-3-8B": "llama-3-8b",
    "meta-llama/Meta-Llama-3.1-405B-Instruct-FP8": "llama-3.1-405b",
    "Qwen3-30B-A3B bf16 (inferred from size)": "qwen3-30b-a3b",
    "Llama-3.1-8B finetune, bf16": "llama-3.1-8b",
    "zai-org/GLM-4-9B-Chat": "glm-4-9b",
    "TechxGenus/Meta-Llama-3-70B-Instruct-AWQ": "llama-3-70b",
    "Qwen/Qwen2-7B-Instruct": "qwen2-7b",
    "Qwen/Qwen2.5-1.5B-Instruct": "qwen2.5-1.5b",
    "Qwen2.5-Math-1.5B": "qwen2.5-1.5b",
    "Qwen/Qwen3-8B": "qwen3-8b",
    "14B bf16 class (27.59 GiB)": "qwen2.5-14b",
    "Qwen2.5-7B class (14.2717 GiB)": "qwen2.5-7b",
}
#: What CUDA reports of the cards that rows name without their memory.
MEMORY = {"H100": 79.19, "L40S": 44.39}
#: Its checkpoint leaves the MLPs of some layers in 16 bits, which no row says: 2.8 % too low without them.
UNKNOWN_MIXTURE = "meta-llama/Meta-Llama-3.1-405B-Instruct-FP8"
LINEAR = ("attention", "mlp", "experts", "shared_experts")


@cache
def model(name: str) -> ModelSpec:
    return load(name).known()


def plain(element_bytes: int) -> PlaneBytes:
    return lambda group, shape: (element_bytes * prod(shape),)


def per_matrix(matrix: Callable[[tuple[int, ...]], tuple[int, ...]], parts: Sequence[str] = LINEAR) -> PlaneBytes:
    """Matrices of `parts` by `matrix`, all else in 16 bits."""
    return lambda group, shape: matrix(shape) if group.component in parts and len(shape) > 1 else (2 * prod(shape),)


def eight_bit(shape: tuple[int, ...]) -> tuple[int, ...]:
    """One byte a weight, an FP32 scale a row."""
    return prod(shape), 4 * shape[0]


def awq(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Four bits a weight; every 128 an FP16 scale and a 4-bit zero."""
    return prod(shape) // 2, prod(shape) // 128 * 2, prod(shape) // 256


#: Experts in 4 bits as Triton holds them on an H100, all else in 16 bits.
mxfp4 = planes_of(quant("mxfp4"), release(MEASURED).mxfp4)


class Case(NamedTuple):
    """A row with what it is modelled from."""

    row: dict[str, Any]
    name: str
    planes: PlaneBytes
    element_bytes: int
    parallel: Parallel

    @property
    def spec(self) -> ModelSpec:
        return model(self.name)

    @property
    def memory(self) -> int:
        row = self.row
        known = row.get("gpu_total_gib") or next((gib for card, gib in MEMORY.items() if card in row["gpu"]), 0)
        return int(known * GIB)


def quantisation(row: dict[str, Any]) -> PlaneBytes | None:
    said = f"{row.get('quantization')} {row['model']}".lower()
    for word, size in {
        "405b-instruct-fp8": per_matrix(eight_bit, ("mlp",)),  # attention stays in 16 bits, says its row
        "fp8": per_matrix(eight_bit),
        "w8a8": per_matrix(eight_bit),
        "awq": per_matrix(awq),
        "mxfp4": mxfp4,
    }.items():
        if word in said:
            return size
    return None


def case(row: dict[str, Any]) -> Case:
    element_bytes = 4 if row.get("dtype") == "float32" else 2
    size = quantisation(row) or plain(element_bytes)
    return Case(row, MODELS[row["model"]], size, element_bytes, Parallel(row.get("tp") or 1, row.get("pp") or 1))


def cases(*keys: str) -> list[Case]:
    """The rows of models that the catalogue has, with all of `keys`."""
    return [case(row) for row in ROWS if row["model"] in MODELS and all(row.get(key) for key in keys)]


def version(row: dict[str, Any]) -> str | None:
    """The release of the V1 engine that made the row; None where it is older or not known."""
    said = str(row.get("vllm_version") or "")
    minor = said.split(".")[1] if said.startswith("0.") else ""
    return said if minor.isdigit() and int(minor) >= 9 else None


def complete() -> list[Case]:
    """Rows that name all that the cache follows from."""
    return [c for c in cases("gpu", "gpu_memory_utilization", "kv_cache_gib") if version(c.row) and c.memory]


def run(c: Case) -> Startup:
    row, spec = c.row, c.spec
    settings = VllmSettings(
        row["max_model_len"],
        c.parallel,
        row["gpu_memory_utilization"],
        kv_bytes=c.element_bytes,
        element_bytes=c.element_bytes,
        expert_scratch=c.planes is not mxfp4,
        version=version(row) or MEASURED,
    )
    device = DeviceTraits(capability=9.0 if "H100" in row["gpu"] else 8.6, linked="H100" in row["gpu"])
    return startup(spec, c.planes, Card(c.memory, device), settings)


def activations() -> list[Case]:
    return [c for c in complete() if c.row.get("activation_peak_gib")]


class GraphRow(NamedTuple):
    name: str
    features: tuple[float, float, float]
    gib: float
    source: str


def graph_rows() -> list[GraphRow]:
    rows = []
    for c in cases("cuda_graph_gib", "vllm_version"):
        if str(c.row["vllm_version"])[:4] in ("0.18", "0.19"):
            mixture = any(group.component == "experts" for group in inventory(c.spec).groups)
            features = (1.0, float(c.spec.layers), mixture / c.parallel.tensor)
            rows.append(GraphRow(c.name, features, c.row["cuda_graph_gib"], c.row["source"]))
    return rows


def fitted(rows: Sequence[GraphRow]) -> list[float]:
    """Least squares of the relative error, by Gauss-Jordan."""
    scaled = [[feature / row.gib for feature in row.features] for row in rows]
    size = len(scaled[0])
    system = [
        [sum(a[i] * a[j] for a in scaled) for j in range(size)] + [sum(a[i] for a in scaled)] for i in range(size)
    ]
    for i in range(size):
        system[i] = [value / system[i][i] for value in system[i]]
        for k in range(size):
            if k != i:
                system[k] = [a - system[k][i] * b for a, b in zip(system[k], system[i], strict=True)]
    return [line[-1] for line in system]
