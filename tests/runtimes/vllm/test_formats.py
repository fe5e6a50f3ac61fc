"""The kernels of experts in MXFP4: what they make of them, and which a device takes."""

from __future__ import annotations

from llmscale.formats.catalogue import quant
from llmscale.model.inventory import inventory
from llmscale.runtimes.parallel.mxfp4 import MARLIN
from llmscale.runtimes.parallel.planes import planes_of
from llmscale.runtimes.vllm.formats import TRTLLM, keeps_scratch, kernel_of
from llmscale.runtimes.vllm.loaded import shards
from llmscale.runtimes.vllm.profile import DeviceTraits
from llmscale.runtimes.vllm.releases import release
from llmscale.sources.registry import load
from tests.runtimes.vllm.more import More, more, planes


def test_experts_in_mxfp4_lie_as_the_kernel_wants_them() -> None:
    """gpt-oss is 2,880 wide, an uneven number for each of the kernels."""
    spec = load("gpt-oss-20b").known()
    groups = tuple(inventory(spec).groups)
    by_role = {group.role: group for group in groups if group.component == "experts" and len(group.shape) == 2}
    bias = next(group for group in groups if group.component == "experts" and len(group.shape) == 1)
    up, down = by_role["experts.gate_up"], by_role["experts.down"]
    mxfp4, scales = quant("mxfp4"), 2880 * 90

    # Marlin: 2,944 x 3,072.
    values = 2944 * 3072
    planes = planes_of(mxfp4)
    assert planes(up, (2880, 5760)) == (2 * values // 2, 2 * values // 32)
    assert planes(down, (2880, 2880)) == (values // 2, values // 32)
    assert sum(planes(bias, bias.shape)) == 2 * bias.shape[0]

    # Triton of 0.19: 1,440 bytes a row are 1,472; 5,760 rows of scales are 5,888, and 2,880 are 3,072.
    planes = planes_of(mxfp4, release("0.19.0").mxfp4)
    assert planes(up, (2880, 5760)) == (5760 * 1472, 5888 * 90, 2 * scales)
    assert planes(down, (2880, 2880)) == (2880 * 1472, 3072 * 90, scales)
    assert sum(planes(bias, bias.shape)) == 4 * bias.shape[0]

    # Two ranks: 1,440 are 1,472, and 736 bytes a row are 768.
    assert planes(down, (1440, 2880)) == (2880 * 768, 3072 * 46, 2880 * 46)
    # Of 0.25 on: rows as they are, and no second scales.
    assert planes_of(mxfp4, release("0.25.1").mxfp4)(down, (2880, 2880)) == (2880 * 1440, 3072 * 90)

    assert not keeps_scratch(mxfp4, groups)
    assert keeps_scratch(quant("bf16"), groups)


def test_the_kernel_of_mxfp4_goes_by_device_and_release() -> None:
    spec, mxfp4, rules = load("gpt-oss-20b").known(), quant("mxfp4"), release("0.19.0")
    for capability, kernel in {8.6: MARLIN, 9.0: rules.mxfp4, 10.0: TRTLLM, 10.3: TRTLLM, 12.0: MARLIN}.items():
        assert kernel_of(spec, mxfp4, DeviceTraits(capability=capability), rules) == kernel
    assert kernel_of(spec, mxfp4, DeviceTraits(), release("0.11.2")) == MARLIN
    assert kernel_of(spec, quant("bf16"), DeviceTraits(), rules) == MARLIN
    assert kernel_of(load("qwen3-30b-a3b").known(), mxfp4, DeviceTraits(), rules) == MARLIN


def test_rows_are_asked_with_the_kernel_of_their_card() -> None:
    late: More = next(one for one in more("found") if one.spec.family == "gpt_oss")
    group = next(shard.group for shard in shards(late.spec) if shard.group.role == "experts.down")
    assert len(planes(late)(group, group.shape)) == 2
