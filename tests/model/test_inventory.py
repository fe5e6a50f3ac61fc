"""The bill of materials: sums by hand for small models, and what must hold for every model."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale.catalogue import entries as catalogue
from llmscale.model.families import from_config
from llmscale.model.inventory import COMPONENTS, Inventory, inventory
from llmscale.sources.catalogue import of_entry
from llmscale.sources.interface import Undisclosed
from llmscale.sources.registry import load
from tests.helpers import TINY_TOTAL, tiny


def parts_of(config: dict[str, Any]) -> Inventory:
    return inventory(from_config(config, "test"))


@st.composite
def llamas(draw: st.DrawFn) -> dict[str, Any]:
    """LLaMA-shaped configs of any proportions."""
    kv_heads = draw(st.integers(1, 8))
    heads = kv_heads * draw(st.integers(1, 8))
    return tiny(
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        hidden_size=heads * draw(st.integers(1, 64)),
        head_dim=draw(st.none() | st.integers(1, 256)),
        intermediate_size=draw(st.integers(1, 4096)),
        num_hidden_layers=draw(st.integers(1, 40)),
        vocab_size=draw(st.integers(1, 100_000)),
        tie_word_embeddings=draw(st.booleans()),
        attention_bias=draw(st.booleans()),
        mlp_bias=draw(st.booleans()),
    )


@st.composite
def mixtures(draw: st.DrawFn) -> dict[str, Any]:
    """Mixtral-shaped configs of any proportions."""
    experts = draw(st.integers(1, 64))
    return tiny(
        model_type="mixtral",
        architectures=["MixtralForCausalLM"],
        num_local_experts=experts,
        num_experts_per_tok=draw(st.integers(1, experts)),
        num_hidden_layers=draw(st.integers(1, 40)),
        tie_word_embeddings=draw(st.booleans()),
    )


def by_hand(c: dict[str, Any]) -> int:
    """Parameters of a LLaMA-shaped config, written out once more and apart from the package."""
    d, ff, vocab = c["hidden_size"], c["intermediate_size"], c["vocab_size"]
    dim = c.get("head_dim") or d // c["num_attention_heads"]
    q, kv = c["num_attention_heads"] * dim, c["num_key_value_heads"] * dim
    layer = d * (q + kv + kv) + q * d + 3 * d * ff + 2 * d
    layer += (q + kv + kv + d) * bool(c.get("attention_bias")) + (ff + ff + d) * bool(c.get("mlp_bias"))
    return vocab * d * (1 if c.get("tie_word_embeddings") else 2) + c["num_hidden_layers"] * layer + d


def test_a_model_counted_by_hand() -> None:
    assert by_hand(tiny()) == TINY_TOTAL
    parts = parts_of(tiny())
    assert parts.total() == parts.untied_total() == parts.active() == TINY_TOTAL
    assert parts.components() == dict.fromkeys(COMPONENTS, 0) | {
        "embedding": 100 * 64,
        "head": 100 * 64,
        "attention": 2 * (2 * 64 * 64 + 2 * 64 * 32),
        "mlp": 2 * 3 * 64 * 128,
        "norm": 5 * 64,
    }


def test_a_tied_head_is_stored_once_and_counted_at_both_places_in_the_untied_total() -> None:
    parts = parts_of(tiny(tie_word_embeddings=True))
    assert parts.total() == TINY_TOTAL - 6400
    assert parts.untied_total() == TINY_TOTAL
    assert parts.components()["head"] == 0
    (tied,) = [group for group in parts.groups if group.tied_to]
    assert (tied.name, tied.tied_to) == ("lm_head.weight", "model.embed_tokens.weight")
    assert tied not in list(parts.stored())


def test_only_an_untied_embedding_is_a_mere_lookup() -> None:
    assert parts_of(tiny()).input_embedding() == 6400
    assert parts_of(tiny(tie_word_embeddings=True)).input_embedding() == 0


def test_a_group_says_where_its_tensors_stand() -> None:
    groups = {group.name: group for group in parts_of(tiny()).groups}
    gate = groups["model.layers.{layer}.mlp.gate_proj.weight"]
    assert (gate.role, gate.shape, gate.layers) == ("mlp.gate", (128, 64), (0, 1))
    assert (gate.elements, gate.copies, gate.parameters) == (8192, 2, 16384)
    assert groups["lm_head.weight"].layers == ()
    assert len(groups) == len(parts_of(tiny()).groups)


def test_a_mixture_keeps_all_experts_and_uses_some() -> None:
    parts = parts_of(tiny(model_type="mixtral", num_local_experts=8, num_experts_per_tok=2))
    expert = 3 * 64 * 128
    assert parts.components()["experts"] == 2 * 8 * expert
    assert parts.components()["router"] == 2 * 8 * 64
    assert parts.total() == TINY_TOTAL + 2 * (7 * expert + 8 * 64)
    assert parts.active() == parts.total() - 2 * 6 * expert


@given(llamas())
def test_every_dense_model_is_what_the_sum_by_hand_says(config: dict[str, Any]) -> None:
    assert parts_of(config).total() == by_hand(config)


@given(llamas() | mixtures())
def test_sums_agree_and_untied_is_at_least_total_is_at_least_active(config: dict[str, Any]) -> None:
    parts = parts_of(config)
    assert parts.total() == sum(parts.components().values())
    assert parts.total() == sum(group.parameters for group in parts.groups if group.tied_to is None)
    assert parts.untied_total() >= parts.total() >= parts.active() > 0
    assert list(parts.components()) == list(COMPONENTS)


@given(llamas(), st.sampled_from(["hidden_size", "intermediate_size", "num_hidden_layers", "vocab_size"]))
def test_a_larger_dimension_never_has_fewer_parameters(config: dict[str, Any], key: str) -> None:
    step = config["num_attention_heads"] if key == "hidden_size" else 1
    assert parts_of({**config, key: config[key] + step}).total() > parts_of(config).total()


def test_a_size_caches_nothing_of_its_own() -> None:
    assert [placed.block.cache() for placed in load("7B").known().placed] == [None]


@pytest.mark.parametrize("reference", ["7B", "8x7B", "30B-A3B", "1.1亿"])
def test_sizes_have_an_inventory_like_any_model(reference: str) -> None:
    parts = inventory(load(reference).known())
    assert parts.total() == sum(parts.components().values()) >= parts.active() > 0


def test_it_holds_for_every_catalogue_model() -> None:
    checked = 0
    for entry in catalogue.entries():
        loaded = of_entry(entry)
        if isinstance(loaded, Undisclosed):
            continue
        parts = inventory(loaded.spec)
        assert parts.untied_total() >= parts.total() >= parts.active() > 0, entry.id
        assert parts.total() == sum(parts.components().values()), entry.id
        names = [(group.name, group.layers) for group in parts.groups]
        assert len(set(names)) == len(names), entry.id
        stored = {group.name.replace("{layer}", str(n)) for group in parts.stored() for n in group.layers or (0,)}
        assert {group.tied_to for group in parts.groups if group.tied_to} <= stored, entry.id
        checked += 1
    assert checked > 200
