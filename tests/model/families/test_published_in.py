"""What a checkpoint is published in: the method that its config names, and of one that stands for many its layout."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.formats.catalogue import quants
from llmscale.formats.weights import weight_bytes
from llmscale.model.families import published_in
from llmscale.model.inventory import inventory
from llmscale.sources.registry import load

IGNORED = ["lm_head", "re:.*self_attn.*", "re:.*shared_experts.*"]
WEIGHTS = {"group_size": 32, "num_bits": 4, "symmetric": True, "type": "int"}


def packed(ignore: list[str] = IGNORED, **weights: Any) -> dict[str, Any]:
    group = {"targets": ["Linear"], "weights": WEIGHTS | weights}
    return {"quant_method": "compressed-tensors", "config_groups": {"group_0": group}, "ignore": ignore}


@pytest.mark.parametrize(
    ("quantization", "published"),
    [
        (None, ""),
        ("fp8", ""),
        ({}, ""),
        ({"quant_method": 8}, ""),
        ({"quant_method": "fp8"}, "fp8"),
        ({"quant_method": "compressed-tensors"}, "compressed-tensors"),
        (packed(), "int4-g32-experts"),
        (packed(["lm_head"]), "compressed-tensors"),
        (packed(group_size=128), "compressed-tensors"),
        (packed(num_bits=8), "compressed-tensors"),
        (packed(type="float"), "compressed-tensors"),
        (packed() | {"config_groups": []}, "compressed-tensors"),
        (packed() | {"config_groups": {"a": None}}, "compressed-tensors"),
    ],
)
def test_what_a_config_says(quantization: Any, published: str) -> None:
    assert published_in({"quantization_config": quantization}) == published


def test_experts_in_4_bits_among_all_else_in_8() -> None:
    fp8 = {"quantization_config": {"quant_method": "fp8"}}
    assert published_in(fp8 | {"expert_dtype": "fp4"}) == "fp8-fp4-experts"
    assert published_in(fp8 | {"expert_dtype": "fp8"}) == "fp8"
    assert published_in({"expert_dtype": "fp4"}) == ""


def test_each_layout_is_kept_by_one_quant_that_servers_read() -> None:
    keeping = {method: quant.id for quant in quants() for method in quant.keeps if "vllm" in quant.readers}
    assert keeping == {
        "fp8": "fp8-block",
        "fp8-fp4-experts": "fp8-fp4-experts",
        "mxfp4": "mxfp4",
        "int4-g32-experts": "w4a16-g32-experts",
    }


def test_routed_experts_alone_are_in_four_bits() -> None:
    """61 layers of which the first is dense, 384 experts of three matrices of 7,168 x 2,048: half a byte each, two
    bytes a group of 32, 16 bytes a matrix; all else in 16 bits."""
    spec = load("kimi-k2.5").known()
    parts = inventory(spec)
    (form,) = (quant for quant in quants() if quant.id == "w4a16-g32-experts")
    experts = 60 * 384 * 3
    matrix = 7168 * 2048
    packed_bytes = experts * (matrix // 2 + matrix // 32 * 2 + 16)
    rest = parts.total() - experts * matrix
    assert weight_bytes(form, spec, parts) == packed_bytes + 2 * rest
