"""Answers of ``estimate``."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

from llmscale.answers.results.common import SCHEMA, Bound, SizedModelRef
from llmscale.answers.results.inner import INNER, inner
from llmscale.answers.results.later import later
from llmscale.answers.results.load import ServedLoad
from llmscale.notes import Note
from llmscale.records import dataclass


@dataclass
class DeviceUsage:
    """One device of several: `used_bytes` is the sum of `parts`, and with `free_bytes` it is `usable_bytes`."""

    id: str
    usable_bytes: int
    used_bytes: int
    free_bytes: int
    parts: dict[str, int]


@dataclass
class ServedUsers:
    """How many requests of a context run at once."""

    context: int
    requests: float


@later("max_context", "max_batch")
@dataclass
class DeviceFit:
    """One estimate on one device, or several together.

    `usable_bytes` is what the runtime may use of `memory_bytes`, and the sum of `used_bytes` and `free_bytes`, of all
    devices together; `host_bytes` is what lies in host memory besides. `per_device` is the same of each, with what its
    bytes are for. `headroom_bytes` is what is free on the fullest device. `may_fit` differs from `fits` only where a
    range lies on both sides, and `limits` are what decides besides bytes.

    `max_context` is for as many sequences as asked, `max_batch` how many of the context asked fit at once.
    `gpu_layers` is how many layers (the output counted as one) llama.cpp puts there, or can where not all fit,
    `cpu_moe` of how many layers the experts then stay in host memory, `ram_bytes` what lies there then; None for other
    runtimes.
    `weights_bytes`, `kv_cache_bytes` and `overhead_bytes` are those of the fullest device; where a server makes its
    cache ahead, `kv_cache_bytes` is all that it holds. `kv_cache_tokens` and `max_concurrency` are what such a server
    reports, of one replica. `users` is how many requests of so many tokens run at once, `remedies` what would let all
    run that were asked for, the cheapest first.

    `tokens_per_second` is of all sequences together with that context in the cache, `first_token_seconds` after a
    prompt as long; their ranges hold the truth 95 times in 100. `command` is what to type, None where it does not fit.
    `under_load` is what the users that were asked about get, None where none were, or where no speed is known.
    `running` is how many requests run at once, of all replicas together; 0 where no cache is made ahead.
    `used_ends` are the least and the most that `used_bytes` may be.
    """

    id: str
    count: int
    memory_bytes: int
    usable_bytes: int
    used_bytes: int
    free_bytes: int
    host_bytes: int
    fits: bool
    may_fit: bool
    limits: tuple[Note, ...]
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
    per_device: tuple[DeviceUsage, ...]
    users: tuple[ServedUsers, ...] = ()
    remedies: tuple[Note, ...] = ()
    under_load: ServedLoad | None = None
    running: Annotated[float, INNER] = inner(0.0)
    used_ends: Annotated[tuple[int, int], INNER] = inner((0, 0))


@dataclass
class Estimate:
    """One model in one format: on the first of `devices` where some are named, else on one device without limit.

    `weights_bytes` counts each weight once; what devices hold of them besides (copies, padding) is part of
    `overhead_bytes`. `total_bytes` is the sum of all parts, in host memory too. `basis` says how each part is known,
    `ranges` (low, high) what is not one point.

    `file_bytes` is what a GGUF file of it takes on disk, vocabulary and all; None for other formats. `bounds` are of
    the parts that were held against measurements; `allocated` is weights, KV cache and compute together. `mmproj_bytes`
    and `draft_bytes` are of the vision tower and the draft model that llama.cpp was told to load besides."""

    quant: str
    runtime: str
    release: str
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
    """Answer of ``estimate``; `runtime` and `release` are those of the first line, each line has its own, `users` how
    many ask at once, where somebody asked for that."""

    model: SizedModelRef
    runtime: str
    release: str
    context: int
    batch: int
    kv_dtype: str
    estimates: tuple[Estimate, ...]
    explanation: tuple[str, ...]
    notes: tuple[Note, ...]
    users: int | None = None
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="estimate", init=False)
