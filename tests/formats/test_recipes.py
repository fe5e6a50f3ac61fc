"""Number formats: bits, blocks and the bytes of a whole model."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmscale.errors import NotFoundError, UnsupportedModelError
from llmscale.formats.catalogue import quant, quants
from llmscale.formats.recipe import REST, Quant, chosen, is_linear
from llmscale.formats.select import selected
from llmscale.formats.weights import assign_formats, weight_bytes
from llmscale.model.families import from_config
from llmscale.model.inventory import TensorGroup, inventory
from llmscale.sources.registry import load
from tests.helpers import TINY_TOTAL, tiny

QUANTS = list(quants())


@pytest.mark.parametrize(("name", "bits"), [("fp32", 32), ("fp16", 16), ("bf16", 16), ("int8", 8), ("int4", 4)])
def test_the_plain_widths(name: str, bits: int) -> None:
    assert quant(name).bits == bits


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("FP16", "fp16"),
        ("half", "fp16"),
        ("float32", "fp32"),
        ("4-bit", "int4"),
        ("8bit", "int8"),
        ("BFloat16", "bf16"),
    ],
)
def test_formats_go_by_what_people_call_them(spelling: str, name: str) -> None:
    assert quant(spelling).id == name


def test_an_unknown_format_is_told_from_a_near_one() -> None:
    with pytest.raises(NotFoundError, match="no quant called 'int5'") as caught:
        quant("int5")
    assert "int" in caught.value.hint


def test_each_has_a_source_and_says_who_reads_it() -> None:
    assert all(quant.source and quant.name and quant.activation_bytes > 0 for quant in QUANTS)
    assert all(quant.readers for quant in QUANTS if not quant.plain)


def test_each_tensor_is_rounded_up_by_itself_and_tied_ones_take_nothing() -> None:
    spec = from_config(tiny(tie_word_embeddings=True), "test")
    assert weight_bytes(quant("fp16"), spec, inventory(spec)) == 2 * (TINY_TOTAL - 6400)
    odd = from_config(tiny(vocab_size=1, hidden_size=1, num_attention_heads=1, num_key_value_heads=1), "test")
    parts = inventory(odd)
    stored = list(parts.stored())
    assert weight_bytes(quant("int4"), odd, parts) == sum(g.copies * ((g.elements + 1) // 2) for g in stored)
    assert weight_bytes(quant("int4"), odd, parts) > parts.total() / 2


def group(name: str = "model.layers.{layer}.mlp.up_proj.weight", **fields: object) -> TensorGroup:
    given = {"role": "mlp.up", "component": "mlp", "shape": (64, 32), "layers": (0, 1), "experts": 1}
    return TensorGroup(name=name, experts_used=1, tied_to=None, **{**given, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "taken"),
    [
        ("mlp", True),
        ("mlp.up", True),
        ("*.up", True),
        ("*.up_proj.*", True),
        ("linear", True),
        ("attention", False),
        ("mlp.down", False),
        ("*.lm_head.*", False),
    ],
)
def test_a_rule_names_a_component_a_role_or_a_name(rule: str, taken: bool) -> None:
    assert chosen({rule: "int4", REST: "fp16"}, group()) == ("int4" if taken else "fp16")


def test_the_first_rule_wins_and_the_rest_takes_what_is_left() -> None:
    rules = {"mlp.up": "int8", "mlp": "int4", REST: "fp16"}
    assert chosen(rules, group()) == "int8"
    assert chosen(rules, group(role="mlp.down")) == "int4"
    assert chosen(rules, group(role="norm", component="norm")) == "fp16"


def test_only_matrices_are_taken_by_a_rule() -> None:
    assert chosen({"mlp": "int4", REST: "fp16"}, group(shape=(64,))) == "fp16"


@pytest.mark.parametrize("role", ["embedding.token", "attention.relative_bias", "norm"])
def test_what_is_looked_up_is_no_linear_layer(role: str) -> None:
    assert is_linear(group())
    assert not is_linear(group(role=role))
    assert not is_linear(group(shape=(64, 3, 16, 16))), "nor is a convolution"


def test_a_row_that_does_not_divide_is_refused_or_kept_wider_as_the_recipe_says() -> None:
    spec = from_config(tiny(), "test")
    parts = inventory(spec)
    odd = replace(quant("int4"), name="Odd", rules={"mlp": "q4_k", REST: "fp16"})
    with pytest.raises(UnsupportedModelError, match=r"Odd cannot hold model.*mlp.gate_proj"):
        weight_bytes(odd, spec, parts)
    kept = replace(odd, narrow="fp16")
    assert weight_bytes(kept, spec, parts) == weight_bytes(quant("fp16"), spec, parts)


@pytest.mark.parametrize("one", QUANTS, ids=lambda one: one.id)
def test_the_whole_is_the_sum_of_its_parts(one: Quant) -> None:
    spec = load("llama-3.2-1b").known()
    parts = inventory(spec)
    try:
        stored = assign_formats(one, spec, parts)
    except UnsupportedModelError:
        pytest.skip("not for this model")
    assert weight_bytes(one, spec, parts) == sum(
        each.group.copies * each.form.size(each.group.shape) for each in stored
    )
    assert sum(each.group.parameters for each in stored) >= parts.total()


def test_groups_mean_all_that_a_tool_or_a_runtime_reads() -> None:
    everything, lenient = selected(["all"])
    assert lenient
    assert len(everything) == len(QUANTS)
    gguf, _ = selected(["all-gguf"])
    assert {q.kind for q in gguf} == {"gguf"}
    both, lenient = selected(["int4", "INT4", "fp16"])
    assert ([q.id for q in both], lenient) == (["int4", "fp16"], False)
    with pytest.raises(NotFoundError):
        selected(["all-nothing"])
