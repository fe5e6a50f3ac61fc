"""transformers with PyTorch: Qwen's published benchmarks, `tests/truth/transformers_memory.json`.

Two kinds of figure. Qwen2.5's are what torch's allocator held at most, summed over the devices: of a long prompt the
prefill, when each device has a peak of its own, else the end of the answer. Qwen3's (transformers 4.51.3) are read
while decoding: weights and the whole cache, and next to nothing for the one token.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.accuracy.rows import Comparison, Row
from llmscale.api.model import Model
from llmscale.formats.catalogue import number_format, quant
from llmscale.runtimes import runtime
from llmscale.runtimes.interface import Subject, Workload
from llmscale.sources import load
from llmscale.spec import ModelSpec
from llmscale.units import GIB, MIB

TRUTH = Path(__file__).parents[2] / "tests" / "truth"
PEAK = "transformers peak, prefill and answer"
DECODE = "transformers memory at decode"
QUANTS = {
    "BF16": "bf16",
    "GPTQ-Int4": "gptq-int4-g128",
    "Int4": "gptq-int4-g128",
    "GPTQ-Int8": "gptq-int8-g128",
    "Int8": "gptq-int8-g128",
    "AWQ": "awq",
    "AWQ-INT4": "awq",
    "FP8": "fp8-block",
}
OLDER = "before transformers 4.45, which kept FP32 logits of the whole prompt"
FIRST = "Qwen 1: its own modelling code of 2023"


def comparisons() -> Iterator[Comparison]:
    """Peak and decode apart, since they are measured differently."""
    rows = json.loads((TRUTH / "transformers_memory.json").read_text(encoding="utf-8"))["rows"]
    source = "Published by Qwen, GPU memory of torch's allocator: `tests/truth/transformers_memory.json`."
    yield Comparison(
        PEAK,
        f"{source} GiB with two decimals; figures of several GPUs are sums.",
        [_row(row, _peak(row) / GIB, row["mem_gb"]) for row in rows if "mem_gb" in row],
        ("transformers", "allocated"),
    )
    yield Comparison(
        DECODE,
        f"{source} transformers 4.51.3 on an H20, MiB.",
        [_row(row, _decode(row) / MIB, row["mem_mb"]) for row in rows if "mem_mb" in row],
    )


def _row(row: dict[str, Any], ours: float, truth: float) -> Row:
    model = _spec(row).id
    family = model.partition("-")[0]
    unusual = {"qwen": FIRST, "qwen1.5": OLDER, "qwen2": OLDER}.get(family, "")
    told = [model, row["quant"], f"{row.get('input_len', '?')} + {row['output_len']} tokens"]
    if row["batch"] > 1:
        told.append(f"batch {row['batch']}")
    if row.get("gpus", 1) > 1:
        told.append(f"{row['gpus']} GPUs")
    return Row(" ".join(told), ours, truth, unusual)


@cache
def _known(name: str) -> ModelSpec:
    return load(name).known()


def _spec(row: dict[str, Any]) -> ModelSpec:
    return _known(row["model"].removesuffix(f"-{row['quant']}"))


def _parts(row: dict[str, Any], tokens: int) -> tuple[int, int, int]:
    """Weights, cache of so many tokens, and the step that computes them at once."""
    model, form = Model.of(_spec(row)), quant(QUANTS[row["quant"]])
    rule = runtime("transformers")
    subject = Subject(model.shapes[0], model.spec, form)
    kv = number_format({"int8": "int8"}.get(row.get("kv_cache", ""), "fp16"))
    work = Workload(tokens, row["batch"], kv, form.activation_bytes)
    return model.weights(form).value, rule.cache(subject, work), rule.compute(subject, work)


def _peak(row: dict[str, Any]) -> int:
    prompt = row.get("input_len", 1)
    weights, kept, step = _parts(row, prompt)
    return max(weights + kept + (row.get("gpus") or 1) * step, _decode(row))


def _decode(row: dict[str, Any]) -> int:
    weights, kept, _ = _parts(row, row.get("input_len", 1) + row["output_len"])
    return weights + kept + _parts(row, 1)[2]
