"""The caching allocator's blocks, by the rules of its source."""

from __future__ import annotations

import pytest

from llmscale.formats.catalogue import quant
from llmscale.formats.weights import assign_formats, weight_bytes
from llmscale.model.inventory import inventory
from llmscale.runtimes.transformers.allocator import held, tensor_sizes
from llmscale.sources.registry import load
from llmscale.units import MIB


@pytest.mark.parametrize(
    ("sizes", "blocks"),
    [
        ([1], 512),
        ([512, 513], 512 + 1024),
        ([135 * MIB], 136 * MIB),  # a rest of 1 MiB is not split off
        ([134 * MIB], 134 * MIB),
        ([134 * MIB + MIB // 2], 134 * MIB + MIB // 2),  # one of 1.5 MiB is
        ([3 * MIB // 2] * 13, 20 * MIB),  # thirteen in one segment of 20 MiB, the last takes what is left
        ([MIB, MIB], 2 * MIB),
    ],
)
def test_tensors_one_after_another(sizes: list[int], blocks: int) -> None:
    assert held(sizes) == blocks


def test_out_of_one_large_block_nothing_is_lost() -> None:
    sizes = [135 * MIB] * 10
    assert held(sizes, 2000 * MIB) == sum(sizes)
    assert held(sizes, 675 * MIB) == sum(sizes) + 5 * MIB + MIB  # five of one block, its last with the rest of 1 MiB


def test_the_tensors_of_a_checkpoint_are_its_bytes() -> None:
    spec = load("qwen2.5-0.5b").known()
    for name in ("bf16", "gptq-int4-g128", "awq"):
        parts = inventory(spec)
        found = tensor_sizes(assign_formats(quant(name), spec, parts))
        assert sum(found) == weight_bytes(quant(name), spec, parts)
        assert len(found) >= 290
