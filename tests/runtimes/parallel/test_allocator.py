"""What PyTorch's allocator rounds up, counted by hand."""

from __future__ import annotations

from llmscale.model.spec import ModelSpec
from llmscale.runtimes.parallel import allocator
from llmscale.runtimes.parallel.shards import PlaneBytes, Whole, shards
from llmscale.sources.registry import load
from llmscale.units import MIB
from tests.helpers import tiny_spec
from tests.runtimes.vllm.rows import model, plain


def allocator_slack(spec: ModelSpec, planes: PlaneBytes) -> int:
    """On one device."""
    return allocator.allocator_slack(shards(spec, Whole()), planes)


def test_tensors_with_a_segment_of_their_own_take_whole_steps_of_it() -> None:
    """Gemma 2 2B's gate and up make 81 MiB, which take 82, in each of 26 layers; its embedding 1,125, which take 1,126.

    All its other tensors divide by 2 MiB, leave more than 1 or are small.
    """
    assert allocator_slack(model("gemma-2-2b"), plain(2)) == 27 * MIB
    assert allocator_slack(tiny_spec(), plain(2)) == 0


def test_values_and_scales_are_rounded_up_apart() -> None:
    """Each is a tensor, which has whole 2 MiB from 10 MiB on; small ones share a segment."""
    spec = load("llama-3.1-8b").known()

    def size(values: int, scales: int) -> int:
        return allocator_slack(spec, lambda group, _: (values, scales) if group.role == "mlp.down" else (0,))

    assert size(11 * MIB + MIB // 2, 0) == 32 * (MIB // 2)
    assert size(11 * MIB + MIB // 2, 11 * MIB + MIB // 2) == 2 * size(11 * MIB + MIB // 2, 0)
    assert size(11 * MIB + MIB // 2, MIB // 2) == size(11 * MIB + MIB // 2, 0)
    assert size(12 * MIB, 12 * MIB) == 0
    # More than 1 MiB is cut off and used.
    assert size(10 * MIB + MIB // 2, 0) == 0


def test_kinds_of_layers_are_tensors_of_their_own() -> None:
    """Windowed and full layers are as many tensors as there are layers, not one for each name."""
    spec = load("gemma-3-27b").known()
    one = 11 * MIB + MIB // 2
    slack = allocator_slack(
        spec, lambda group, _: (one,) if (group.role, group.component) == ("mlp.down", "mlp") else (0,)
    )
    assert slack == spec.layers * (MIB // 2)
