"""The answer of ``log``."""

from __future__ import annotations

from dataclasses import field

from llmscale.answers.results.common import SCHEMA, SizedModelRef
from llmscale.notes import Note
from llmscale.records import dataclass


@dataclass
class LogTerm:
    """One figure: what the log prints, what llmscale says, and how far that is off. `device` is None for host memory.

    `step_bytes` is what the last printed digit stands for: a difference below it says nothing. `estimate_bytes` is None
    where the log has a figure that no estimate is made of.
    """

    kind: str
    device: int | None
    log_bytes: int
    step_bytes: int
    estimate_bytes: int | None
    difference_bytes: int | None


@dataclass
class LogTrouble:
    """Memory that was not to be had: what for, on which device, and how much; None where the log does not say.

    `estimate_bytes` is what llmscale says of that term, `weights_bytes` and `total_bytes` of the weights and of all.
    `kind` is ``besides_weights`` where no more is told than that the weights lay there, empty where nothing is.
    `device_bytes` is what the device has, `held_bytes` what the process had in tensors, `spare_bytes` what it had taken
    besides in pieces too small, `others_bytes` what other processes had. `max_context` is the longest context that fits
    as it was asked, `gpu_layers` of `layers` how many fit, `cpu_moe` of how many layers the experts then stay in host
    memory.
    """

    kind: str
    device: int | None
    wanted_bytes: int | None
    available_bytes: int | None
    estimate_bytes: int | None
    max_context: int | None
    gpu_layers: int | None
    layers: int | None
    cpu_moe: int | None
    device_bytes: int | None = None
    held_bytes: int | None = None
    spare_bytes: int | None = None
    others_bytes: int | None = None
    weights_bytes: int | None = None
    total_bytes: int | None = None


@dataclass
class LogResult:
    """Answer of ``log``: how the log's run was asked for, and its figures beside the estimate's.

    `release` is the log's, empty where it does not tell; `compared_release` is the one that was compared.
    `cache_tokens` is what a cache that is made ahead holds.
    """

    model: SizedModelRef
    quant: str
    runtime: str
    release: str
    compared_release: str
    context: int
    batch: int
    kv_dtype: str
    options: dict[str, object]
    device: str
    terms: tuple[LogTerm, ...]
    cache_tokens: int | None = None
    estimate_cache_tokens: int | None = None
    trouble: LogTrouble | None = None
    notes: tuple[Note, ...] = ()
    schema: str = field(default=SCHEMA, init=False)
    command: str = field(default="log", init=False)
