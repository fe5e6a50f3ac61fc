"""Answers of ``estimate``."""

from __future__ import annotations

from dataclasses import dataclass, field

from llmscale.answers.results.common import SCHEMA, Bound, SizedModelRef


@dataclass
class DeviceFit:
    """One estimate on one device, or several alike.

    `usable_bytes` is what a model may take of `memory_bytes`; `may_fit` differs from `fits` only where a range is
    given. `max_context` is for as many sequences as asked, `max_batch` how many of the context asked fit at once.
    `gpu_layers` is how many layers (the output counted as one) llama.cpp can put there, `cpu_moe` of how many layers
    the experts stay in RAM when only experts are left out; None for other runtimes. `weights_bytes` and
    `kv_cache_bytes` are those of each device, `overhead_bytes` what llama.cpp's process takes there, `ram_bytes` what
    llama.cpp then holds in RAM; `kv_cache_tokens` and `max_concurrency` are what vLLM reports, of one replica.
    `tokens_per_second` is of all sequences together with that context in the cache, `first_token_seconds` after a
    prompt as long; their ranges hold the truth 95 times in 100.
    `command` is what to type, None where it does not fit.
    """

    id: str
    count: int
    memory_bytes: int
    usable_bytes: int
    fits: bool
    may_fit: bool
    headroom_bytes: int
    max_context: int | None
    max_batch: int | None
    gpu_layers: int | None
    layers: int | None
    cpu_moe: int | None
    weights_bytes: int | None
    kv_cache_bytes: int | None
    overhead_bytes: int | None
    ram_bytes: int | None
    kv_cache_tokens: int | None
    max_concurrency: float | None
    tokens_per_second: float | None
    tokens_per_second_range: tuple[float, float] | None
    first_token_seconds: float | None
    first_token_seconds_range: tuple[float, float] | None
    command: str | None


@dataclass
class Estimate:
    """One model in one format. `basis` says how each part is known, `ranges` (low, high) what is not one point.

    `file_bytes` is what a GGUF file of it takes on disk, vocabulary and all; None for other formats. `bounds` are of
    the parts that were held against measurements; `allocated` is weights, KV cache and compute together. `mmproj_bytes`
    and `draft_bytes` are of the vision tower and the draft model that llama.cpp was told to load besides."""

    quant: str
    runtime: str
    bits_per_weight: float
    weights_bytes: int
    file_bytes: int | None
    kv_cache_bytes: int
    state_bytes: int
    compute_bytes: int
    overhead_bytes: int
    mmproj_bytes: int | None
    draft_bytes: int | None
    total_bytes: int
    basis: dict[str, str]
    ranges: dict[str, tuple[int, int]]
    bounds: dict[str, Bound]
    devices: tuple[DeviceFit, ...]


@dataclass
class EstimateResult:
    """Answer of ``estimate``; `runtime` is that of the first line, each line has its own."""

    model: SizedModelRef
    runtime: str
    context: int
    batch: int
    kv_dtype: str
    estimates: tuple[Estimate, ...]
    explanation: tuple[str, ...]
    warnings: tuple[str, ...]
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="estimate", init=False)
