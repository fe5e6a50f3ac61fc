"""Published figures of transformers, asked as a user asks: by the options that there are, with nothing added.

Twice: as somebody asks who names nothing but model, quant, context, sequences and devices, so that all that older
releases and loaders did otherwise counts as error; and with the release, the attention and the length of the prompt,
which are options as well. Each is what the bound of such an estimate comes from. A row says how long prompt and answer
were, and one asks for both together; where it does not, for the answer. Figures read while decoding are none of an
estimate's, which gives the peak.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from benchmarks.accuracy.rows import Comparison, Row
from benchmarks.accuracy.transformers import FIRST, OLDER, QUANTS, TRUTH
from llmscale import estimate
from llmscale.units import GIB

ASKED = "transformers peak, as asked"
SOURCE = (
    "Published by Qwen, GPU memory of torch's allocator: `tests/truth/transformers_memory.json`. GiB with two "
    "decimals; figures of several GPUs are sums. Asked by model, quant, context, sequences and devices through the "
    "public API: weights, KV cache and compute."
)
RELEASED = "transformers peak, as asked with its release"
WITH_RELEASE = (
    "The same rows, asked with their release, FlashAttention-2 and the length of the prompt besides. What releases and "
    "loaders did was read in their source after these rows had been seen; that outputs hold the cache and that an AWQ "
    "checkpoint unties its head was read off them."
)
#: The release by family: Qwen2.5's benchmark names its own, the others are told by their date.
RELEASES = {"qwen1.5": "4.37.2", "qwen2": "4.37.2", "qwen2.5": "4.46.0"}
BEFORE = "a release before 4.45, which kept FP32 logits of the whole prompt and the whole cache twice; marked when seen"
PARTS = ("weights", "kv_cache", "state", "compute")


def comparisons() -> Iterator[Comparison]:
    """The rows that print a peak."""
    every = json.loads((TRUTH / "transformers_memory.json").read_text(encoding="utf-8"))["rows"]
    rows = [row for row in every if "mem_gb" in row]
    yield Comparison(ASKED, SOURCE, [_row(row) for row in rows], ("transformers", "allocated"))
    named = [_row(row, release) for row in rows if (release := RELEASES.get(_family(row)))]
    yield Comparison(RELEASED, WITH_RELEASE, named, ("transformers, older releases", "allocated"))


def _family(row: dict[str, Any]) -> str:
    family, _, _ = row["model"].rpartition("/")[2].lower().partition("-")
    return str(family)


def _row(row: dict[str, Any], release: str = "") -> Row:
    model, devices = row["model"].removesuffix(f"-{row['quant']}"), row.get("gpus") or 1
    context = row.get("input_len", 0) + row["output_len"]
    family = _family(row)
    unusual = FIRST if family == "qwen" else BEFORE if family in OLDER and not release else ""
    told = [model, row["quant"], f"{context:,} tokens", f"batch {row['batch']}", f"{devices} x {row['device']}"]
    prompt = row.get("input_len", context) if release else 0
    ours = _told(model, QUANTS[row["quant"]], context, row["batch"], f"{devices}x {_device(row)}", release, prompt)
    return Row(" ".join(told), ours / GIB, row["mem_gb"], unusual, 0.005, seen=bool(release), source=row["source"])


def _device(row: dict[str, Any]) -> str:
    return str(row["device"]).lower().replace("-sxm4", "")


@cache
def _told(model: str, quant: str, context: int, batch: int, devices: str, release: str, prompt: int) -> int:
    """Bytes of all devices together."""
    runtime = f"transformers@{release}" if release else "transformers"
    more = {"attn": "flash_attention_2", "prompt_tokens": prompt} if release else {}
    answer = estimate(model, [quant], context=context, batch=batch, runtime=runtime, gpus=[devices], options=more)
    (device,) = answer.estimates[0].devices
    return sum(usage.parts.get(part, 0) for usage in device.per_device for part in PARTS)
