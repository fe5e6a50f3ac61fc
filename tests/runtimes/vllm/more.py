"""The rows of `tests/truth/vllm_more.json`, with what the model of vLLM's memory makes of each.

They are of other cards and releases than those that the model was built with, and were written down before it was
changed because of them.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, NamedTuple

from llmscale.formats.catalogue import quant
from llmscale.formats.recipe import Quant
from llmscale.model.families import from_config
from llmscale.model.inventory import inventory
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.parallel.planes import planes_of
from llmscale.runtimes.parallel.ranks import Parallel
from llmscale.runtimes.parallel.shards import PlaneBytes
from llmscale.runtimes.vllm.cache import CacheCapacity, capacity, kinds, layout
from llmscale.runtimes.vllm.formats import keeps_scratch, kernel_of
from llmscale.runtimes.vllm.loaded import resident_bytes, weights_per_rank
from llmscale.runtimes.vllm.overhead import graph_bytes, graph_layers
from llmscale.runtimes.vllm.profile import DeviceTraits
from llmscale.runtimes.vllm.releases import MEASURED, Batch, default_batch, release
from llmscale.runtimes.vllm.started import STATE_BYTES
from llmscale.runtimes.vllm.startup import Card, Startup, VllmSettings, startup
from llmscale.units import GIB
from tests.helpers import TRUTH
from tests.runtimes.vllm.rows import model, version

MORE: list[dict[str, Any]] = json.loads((TRUTH / "vllm_more.json").read_text(encoding="utf-8"))["rows"]

#: Not in the catalogue; its shape is recalled.
QWEN35_9B = {
    "model_type": "qwen3_5_text",
    "architectures": ["Qwen3_5ForCausalLM"],
    "hidden_size": 4096,
    "intermediate_size": 12288,
    "num_hidden_layers": 32,
    "num_attention_heads": 16,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "linear_num_key_heads": 16,
    "linear_num_value_heads": 32,
    "vocab_size": 248320,
    "max_position_embeddings": 262144,
    "mamba_ssm_dtype": "float32",
}
BY_CONFIG = "(config)"
#: Compute capability of cards of these rows from Hopper on.
CAPABILITY = {"H100": 9.0, "H200": 9.0, "GB10": 12.1, "RTX PRO": 12.0, "RTX 50": 12.0, "Thor": 11.0}


class More(NamedTuple):
    """A row with what it is modelled from."""

    row: dict[str, Any]

    @property
    def whole(self) -> bool:
        """Whether the spec has all tensors that the row's model has."""
        return BY_CONFIG not in self.row["catalogue"]

    @property
    def spec(self) -> ModelSpec:
        return model(self.row["catalogue"]) if self.whole else _nine()

    @property
    def seen(self) -> bool:
        """Whether the model of vLLM's memory was changed because of it, or could have been."""
        return not self.row.get("found")

    @property
    def quant(self) -> Quant:
        return quant(self.row["quant"])

    @property
    def parallel(self) -> Parallel:
        return Parallel(self.row["tp"], experts=bool(self.row.get("ep")))

    @property
    def name(self) -> str:
        row = self.row
        told = [row["catalogue"].split()[0], row["quant"], f"vLLM {row['vllm_version']}", row["gpu"]]
        return " ".join((*told, f"tp {row['tp']}, {row.get('max_model_len')} tokens"))


def states(one: More) -> int:
    """Bytes of an element of a recurrent state: as the row or else the model's config says."""
    return int(one.row.get("state_bytes") or STATE_BYTES.get(one.spec.state_dtype, 2))


@cache
def _nine() -> ModelSpec:
    return from_config(QWEN35_9B, "a test")


def more(*keys: str) -> list[More]:
    """The rows with all of `keys`."""
    return [More(row) for row in MORE if all(row.get(key) is not None for key in keys)]


def device_of(one: More) -> DeviceTraits:
    """What of the row's card matters."""
    gpu = one.row["gpu"]
    return DeviceTraits(
        capability=next((number for word, number in CAPABILITY.items() if word in gpu), 8.6), linked=gpu == "H100"
    )


def planes(one: More) -> PlaneBytes:
    """Bytes of a tensor's planes on the row's card."""
    rules = release(version(one.row) or MEASURED)
    return planes_of(one.quant, kernel_of(one.spec, one.quant, device_of(one), rules))


def weights(one: More) -> int:
    """Bytes of weights that "Model loading took" should say."""
    size, tokens = planes(one), one.row.get("max_num_batched_tokens", 2048)
    return weights_per_rank(one.spec, size, one.parallel) + resident_bytes(one.spec, size, one.parallel, tokens=tokens)


#: Cards whose default limits are those of small ones: they are, or are an A100 or a GB10.
SMALL = (
    "RTX 3090",
    "RTX 4090",
    "L40S",
    "L4",
    "GB10",
    "A100",
    "RTX 50",
    "T4",
    "Thor",
    "a card of",
    "four of",
    "not said",
)


def limits_of(one: More) -> Batch:
    """The limits of a step: as the row names them, or the card's defaults."""
    row, rules = one.row, release(version(one.row) or MEASURED)
    memory = 24 * GIB if any(word in row["gpu"] for word in SMALL) else 79 * GIB
    default = default_batch(memory, rules, row["max_model_len"], offline=bool(row.get("offline")))
    return Batch(row.get("max_num_batched_tokens") or default.tokens, row.get("max_num_seqs") or default.sequences)


def graphs(one: More) -> int:
    """Bytes of CUDA graphs."""
    return 0 if one.row.get("enforce_eager") else graph_bytes(graph_layers(one.spec, one.parallel), limits_of(one))


def laid_out(one: More, gib: float) -> CacheCapacity:
    """What `gib` for the cache hold."""
    row, rules, batch = one.row, release(version(one.row) or MEASURED), limits_of(one)
    context = row["max_model_len"]
    cached = kinds(
        one.spec,
        one.parallel,
        kv_bytes=1 if row.get("kv_cache_dtype") == "fp8" else 2,
        state_bytes=states(one),
    )
    plan = layout(one.spec, cached, context, batch, rules, one.parallel, prefix_caching=row.get("prefix_caching"))
    return capacity([int(gib * GIB)] * one.parallel.pipeline, plan, context, rules)


def started(one: More) -> Startup:
    """The start that the row describes."""
    row = one.row
    groups = tuple(inventory(one.spec).groups)
    settings = VllmSettings(
        row["max_model_len"],
        one.parallel,
        row["gpu_memory_utilization"],
        row.get("max_num_seqs"),
        row.get("max_num_batched_tokens"),
        kv_bytes=1 if row.get("kv_cache_dtype") == "fp8" else 2,
        state_bytes=states(one),
        eager=bool(row.get("enforce_eager")),
        offline=bool(row.get("offline")),
        prefix_caching=row.get("prefix_caching"),
        expert_scratch=keeps_scratch(one.quant, groups),
        version=version(row) or MEASURED,
    )
    card = Card(
        int(row["gpu_total_gib"] * GIB),
        device_of(one),
        "A100" in row["gpu"],
        "GB10" in row["gpu"],
    )
    return startup(one.spec, planes(one), card, settings)


def complete() -> list[More]:
    """Rows that name all that the cache follows from, of the V1 engine."""
    named = more("gpu_total_gib", "gpu_memory_utilization", "max_model_len", "kv_cache_gib")
    return [one for one in named if one.whole and version(one.row)]
