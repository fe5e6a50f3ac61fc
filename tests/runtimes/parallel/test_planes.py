"""The bytes of a rank's part of a tensor."""

from __future__ import annotations

from llmscale.formats.catalogue import quant
from llmscale.formats.weights import weight_bytes
from llmscale.model.inventory import inventory
from llmscale.runtimes.parallel.planes import planes_of
from llmscale.sources.registry import load


def test_a_whole_tensor_is_what_the_quant_makes_of_it() -> None:
    """Each of the formats that vLLM reads, on one rank: the sum over the groups is that of the whole model."""

    for name in ("qwen2.5-7b", "gpt2", "llama-4-scout"):
        spec = load(name).known()
        parts = inventory(spec)
        for one in ("bf16", "fp8", "w8a8", "fp8-block"):
            planes = planes_of(quant(one))
            total = sum(
                group.copies * sum(planes(group, group.shape)) for group in parts.groups if group.tied_to is None
            )
            assert total == weight_bytes(quant(one), spec, parts), (name, one)
