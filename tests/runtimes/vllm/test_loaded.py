"""What loading a model takes under vLLM, counted by hand, and what vLLM refuses to load."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import pytest

from llmscale.errors import UsageError
from llmscale.formats.catalogue import quant
from llmscale.formats.weights import weight_bytes
from llmscale.model.inventory import inventory
from llmscale.runtimes.parallel.allocator import allocator_slack
from llmscale.runtimes.parallel.planes import planes_of
from llmscale.runtimes.parallel.ranks import Parallel
from llmscale.runtimes.parallel.rotary import rotary_bytes
from llmscale.runtimes.vllm.loaded import MLA_WORKSPACE, TABLES, deepstack, resident_bytes, shards, weights_per_rank
from llmscale.runtimes.vllm.refusals import refuse_impossible
from llmscale.sources.registry import load
from tests.helpers import good, tiny_spec
from tests.runtimes.vllm.rows import model, plain


def test_towers_are_split_but_mistrals() -> None:
    def vision(name: str) -> int:
        return sum(s.copies * prod(s.shape) for s in shards(model(name), Parallel(4)) if s.group.component == "vision")

    assert vision("mistral-small-3.1") == inventory(model("mistral-small-3.1")).components()["vision"]
    assert vision("gemma-3-27b") < inventory(model("gemma-3-27b")).components()["vision"] / 3


def test_what_cannot_be_split_is_refused_in_vllms_words() -> None:
    with pytest.raises(UsageError, match=r"attention heads \(28\) must be divisible by tensor parallel size \(8\)"):
        refuse_impossible(model("qwen2.5-7b"), Parallel(8))
    with pytest.raises(UsageError, match="10 KV heads"):
        refuse_impossible(model("phi-4"), Parallel(4))
    with pytest.raises(UsageError, match="2 layers"):
        refuse_impossible(tiny_spec(), Parallel(pipeline=3))
    refuse_impossible(model("qwen2.5-7b"), Parallel(4))


def test_quantised_latent_attention_keeps_its_halves_in_16_bits() -> None:
    spec = model("deepseek-v2-lite")
    rest = MLA_WORKSPACE + rotary_bytes(spec, 2, TABLES)
    sizes = [resident_bytes(spec, size) - rest - allocator_slack(shards(spec), size) for size in (plain(2), plain(1))]
    assert sizes == [0, 27 * 16 * 256 * 512 * 2]


def test_the_outputs_of_a_tower_that_enter_later_layers_have_buffers() -> None:
    spec, size = load("qwen3-vl-8b").known(), planes_of(quant("bf16"))
    assert deepstack(spec) == 3
    step = resident_bytes(spec, size, tokens=8192) - resident_bytes(spec, size)
    assert step == 3 * 8192 * spec.hidden_size * 2
    assert deepstack(load("qwen2.5-vl-7b").known()) == 0
    second = Parallel(pipeline=2)
    assert resident_bytes(spec, size, second, 1, tokens=8192) == resident_bytes(spec, size, second, 1)


def test_the_weights_of_a_rank_are_those_of_the_fullest_stage() -> None:
    stages = [weights_per_rank(tiny_spec(), plain(2), Parallel(pipeline=2), stage) for stage in (0, 1)]
    assert weights_per_rank(tiny_spec(), plain(2), Parallel(pipeline=2)) == max(stages)


@pytest.mark.parametrize(
    ("form", "sparsity"),
    [
        *[(form, "2:4") for form in ("bf16", "fp8", "fp8-dynamic", "fp8-block", "w8a8", "w4a16")],
        *[("fp8", "50%:bitmask"), ("bf16", "80%:csr")],
    ],
)
def test_a_rank_alone_loads_of_sparse_weights_what_the_checkpoint_holds(form: str, sparsity: str) -> None:
    asked, spec = replace(quant(form), sparsity=sparsity), model("llama-3.1-8b")
    assert weights_per_rank(spec, planes_of(asked)) == weight_bytes(asked, spec, inventory(spec))


@pytest.mark.parametrize("runtime", ["vllm", "sglang"])
def test_servers_are_asked_about_sparse_weights(runtime: str) -> None:
    """Values of a byte, half of them kept with a bit each for all, and rows' scales in 16 bits; the rest as it is."""
    asked = ("estimate", "llama-3.1-8b", "-q", "fp8-dynamic", "--runtime", runtime, "--gpu", "h100", "-o", "json")
    (dense,), (thin,) = (good(*asked, *more).json()["estimates"] for more in ((), ("--sparsity", "2:4")))
    matrices = 6_979_321_856
    assert dense["weights_bytes"] - thin["weights_bytes"] == matrices // 2 - matrices // 8
