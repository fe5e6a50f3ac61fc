"""Every recorded model of a known family is counted exactly; every other one is refused.

The rows come from the model classes of transformers 5.23 (see tests/truth/README.md).
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from math import prod
from typing import Any

import pytest

from llmscale.errors import UnsupportedModelError
from llmscale.model.families import from_config, model_types
from llmscale.model.inventory import COMPONENTS, inventory
from llmscale.model.shape import shape_of
from tests.helpers import TRUTH

ROWS: list[dict[str, Any]] = json.loads((TRUTH / "params.json").read_text(encoding="utf-8"))

#: The names that the recorded rows have for our components.
COMPONENT = {
    "norms": "norm",
    "mlp_dense": "mlp",
    "mlp_routed_experts": "experts",
    "mlp_shared_experts": "shared_experts",
    "mlp_router": "router",
    "ssm_or_linear_attn": "recurrent",
    "lm_head": "head",
    "pooler": "other",
}


@cache
def config(slug: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((TRUTH / "configs" / f"{slug}.json").read_text(encoding="utf-8"))
    return loaded


def known(row: dict[str, Any]) -> bool:
    return row["total"] is not None and config(row["slug"])["model_type"] in model_types()


KNOWN = [row for row in ROWS if known(row)]
UNKNOWN = [row for row in ROWS if config(row["slug"])["model_type"] not in model_types()]


def by_slug(rows: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(row, id=row["slug"]) for row in rows]


def test_the_known_rows_are_most_of_the_recorded_ones() -> None:
    assert len(ROWS) >= 122
    assert len(KNOWN) >= 79
    types = {config(row["slug"])["model_type"] for row in KNOWN}
    # A kind each of cache and of tensors: latent, sparse, recurrent, mixed, experts, two stacks, towers, none.
    assert types >= {"llama", "deepseek_v3", "mamba", "jamba", "qwen3_next", "mixtral", "t5", "whisper", "bert", "vit"}


@pytest.mark.parametrize("row", by_slug(KNOWN))
def test_totals(row: dict[str, Any]) -> None:
    parts = inventory(from_config(config(row["slug"]), row["slug"]))
    buffers = row["router_correction_bias_buffers"]
    assert parts.total() == row["total"] + buffers
    assert parts.untied_total() == row["untied_total"] + buffers
    assert parts.active() == (row["active"] or row["total"]) + buffers


@pytest.mark.parametrize("row", by_slug(KNOWN))
def test_components(row: dict[str, Any]) -> None:
    expected = dict.fromkeys(COMPONENTS, 0)
    for name, size in row["components"].items():
        expected[COMPONENT.get(name, name)] += size
    expected["router"] += row["router_correction_bias_buffers"]
    if row["slug"] == "rwkv-4-7b":
        # Norms called ln1, ln2 and pre_ln, which whoever sorted the row by name took for something else.
        expected["norm"], expected["other"] = expected["norm"] + expected["other"], 0
    assert inventory(from_config(config(row["slug"]), row["slug"])).components() == expected


@pytest.mark.parametrize("row", by_slug([row for row in KNOWN if row.get("cache_layers_after_5_tokens")]))
def test_caches(row: dict[str, Any]) -> None:
    keys_and_values: Counter[tuple[int, int, int | None, str]] = Counter()
    states: Counter[int] = Counter()
    for layer in row["cache_layers_after_5_tokens"]:
        if "keys" in layer:
            (_, key_heads, tokens, key_width), (_, value_heads, _, value_width) = layer["keys"], layer["values"]
            assert tokens == 5
            window = layer["sliding_window"] if layer["cls"] == "DynamicSlidingWindowLayer" else None
            keys_and_values[key_heads * key_width, value_heads * value_width, window, "self"] += layer["layers"]
        if "recurrent_states" in layer:
            states[sum(map(prod, layer["conv_states"] + layer["recurrent_states"]))] += layer["layers"]
    shape = shape_of(from_config(config(row["slug"]), row["slug"]))
    found: Counter[tuple[int, int, int | None, str]] = Counter()
    for cache_ in shape.caches:
        # A sparse-attention indexer's keys are in the cache as well, but not in these rows.
        if not (row["cache_layers_after_5_tokens"][0]["cls"] == "DynamicIndexedLayer" and cache_.values == 0):
            found[cache_.keys, cache_.values, cache_.window, cache_.source] += cache_.layers
    assert found == keys_and_values
    assert Counter({state.elements: state.layers for state in shape.states}) == states


@pytest.mark.parametrize("row", by_slug([row for row in KNOWN if not row.get("cache_layers_after_5_tokens")]))
def test_caches_of_encoders_and_of_encoder_decoders(row: dict[str, Any]) -> None:
    data = config(row["slug"])
    caches = shape_of(from_config(data, row["slug"])).caches
    if data["model_type"] not in ("t5", "mt5"):
        # Rows without a recorded cache: transformers made none, or was not run for encoder-decoders and PaliGemma.
        assert bool(caches) == (data["model_type"] in ("bart", "whisper", "paligemma"))
        return
    width = data["num_heads"] * data["d_kv"]
    layers = data.get("num_decoder_layers") or data["num_layers"]
    assert {(c.layers, c.keys, c.values, c.window, c.source) for c in caches} == {
        (layers, width, width, None, "self"),
        (layers, width, width, None, "cross"),
    }


@pytest.mark.parametrize("row", by_slug(UNKNOWN))
def test_unknown_families_are_refused(row: dict[str, Any]) -> None:
    data = config(row["slug"])
    with pytest.raises(UnsupportedModelError) as caught:
        from_config(data, "some/config.json")
    assert "some/config.json" in caught.value.message
    assert data["model_type"] in caught.value.message
    assert caught.value.hint
