"""Room for LoRA adapters under vLLM, counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.answers.estimate import estimate
from llmscale.answers.results.estimate import DeviceFit
from llmscale.errors import UsageError
from tests.helpers import good, run


def on(gpu: str, model: str = "llama-3.1-8b", **options: Any) -> DeviceFit:
    (line,) = estimate(model, ["bf16"], context=4096, runtime="vllm", gpus=[gpu], options=options).estimates
    return line.devices[0]


def room(gpu: str, model: str = "llama-3.1-8b", ranks: int = 1, **options: Any) -> int:
    plain, more = on(gpu, model, tp=ranks), on(gpu, model, tp=ranks, enable_lora=True, **options)
    assert plain.kv_cache_bytes - more.kv_cache_bytes == more.weights_bytes - plain.weights_bytes
    return more.weights_bytes - plain.weights_bytes


#: Inputs and outputs of q, k, v, o, gate, up and down of Llama 3.1 8B.
SIDES = (4096 + 4096) + 2 * (4096 + 1024) + (4096 + 4096) + 3 * (4096 + 14336)


def test_two_matrices_of_every_linear_layer() -> None:
    """Rank 16 of each adapter, in 16 bits."""
    assert room("h100") == 32 * SIDES * 16 * 2
    assert room("h100", max_loras=4) == 4 * room("h100")
    assert room("h100", max_lora_rank="64") == 4 * room("h100")


def test_of_a_layer_that_is_split_one_side_is_smaller() -> None:
    """Over four ranks the outputs of q, k, v, gate and up, and the inputs of o and down."""
    sides = (4096 + 1024) + 2 * (4096 + 256) + (1024 + 4096) + 3 * (4096 + 3584)
    assert room("4x h100", ranks=4) == 32 * sides * 16 * 2


def test_experts_have_matrices_of_their_own() -> None:
    """Qwen3 30B-A3B: 128 experts of 2,048 x 768 in 48 layers; q and o of 4,096, k and v of 512."""
    sides = 2 * (2048 + 4096) + 2 * (2048 + 512) + 128 * 3 * (2048 + 768)
    assert room("2x h200", "qwen3-30b-a3b", max_lora_rank="8") == 48 * sides * 8 * 2


@pytest.mark.parametrize("options", [{"max_loras": 2}, {"max_lora_rank": "8"}])
def test_a_size_of_adapters_without_any_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="--max-loras and --max-lora-rank"):
        on("h100", **options)


def test_the_command_asks_for_them() -> None:
    asked = ("estimate", "llama-3.1-8b", "-q", "bf16", "--runtime", "vllm", "--gpu", "h100", "--width", "200")
    told = good(*asked, "--command", "--enable-lora", "--max-loras", "2", "--max-lora-rank", "32").out
    assert "--max-loras 2 --max-lora-rank 32 --enable-lora" in told
    assert run(*asked, "--enable-lora", "--max-lora-rank", "17").status == 2
