"""Tables of cosines and sines, counted by hand."""

from __future__ import annotations

from dataclasses import replace

from llmscale.model.spec import ModelSpec
from llmscale.runtimes.parallel import rotary
from llmscale.runtimes.parallel.rotary import Tables
from llmscale.runtimes.sglang.loaded import ROTARY
from llmscale.runtimes.sglang.loaded import TABLES as SGLANG
from llmscale.runtimes.vllm.loaded import TABLES as VLLM
from llmscale.sources.registry import load
from tests.runtimes.vllm.rows import model


def rotary_bytes(spec: ModelSpec, element_bytes: int) -> int:
    """As long as vLLM makes them."""
    return rotary.rotary_bytes(spec, element_bytes, Tables(multimodal=4))


def test_rotary_tables() -> None:
    assert rotary_bytes(model("llama-3.1-8b"), 2) == 131072 * 128 * 2
    assert rotary_bytes(model("gemma-3-27b"), 2) == (8 + 1) * 131072 * 128 * 2  # full attention's is stretched
    assert rotary_bytes(model("qwen2.5-vl-3b"), 2) == 4 * 128000 * 128 * 2  # time, height and width
    assert rotary_bytes(model("qwen3.5-27b"), 2) == 4 * 262144 * 64 * 2  # a quarter of the head
    assert rotary_bytes(model("qwen3-8b"), 2) == 40960 * 128 * 2  # as its config says; YaRN makes it 131,072 when asked
    assert rotary_bytes(model("glm-4-9b"), 2) == 131072 * 64 * 2  # half the head
    assert rotary_bytes(model("olmo-3-7b"), 2) == 2 * 65536 * 128 * 2
    assert rotary_bytes(model("gpt2"), 2) == 0
    assert rotary_bytes(model("deepseek-r1"), 2) == 163840 * 64 * 2  # as published, beyond what it is said to hold


def test_rotary_tables_are_as_long_as_the_published_positions_say() -> None:
    spec = load("llama-3.1-8b").known()
    assert rotary_bytes(spec, 2) == 131072 * 128 * 2
    assert rotary_bytes(replace(spec, max_context=8192), 2) == 8192 * 128 * 2
    assert rotary_bytes(replace(spec, rotary_share=0.5), 2) == 131072 * 64 * 2
    # Two kinds of layers, two bases; linear stretching lengthens the table of full attention alone.
    gemma = load("gemma-3-27b").known()
    assert rotary_bytes(gemma, 2) == (8 + 1) * 131072 * 128 * 2
    # Positions in three dimensions: four times as many.
    vision = load("qwen3-vl-8b").known()
    assert rotary_bytes(vision, 2) == 4 * (vision.max_context or 0) * 128 * 2
    assert rotary_bytes(load("gpt2").known(), 2) == 0


def test_only_one_server_makes_longer_tables_for_positions_of_images() -> None:
    """SGLang hands the positions on as they are: 262,144 of Qwen3-VL's, cosine and sine of 64 angles each, in FP32."""
    spec = load("qwen3-vl-8b").known()
    assert rotary.rotary_bytes(spec, ROTARY, SGLANG) == 262144 * 128 * 4
    assert rotary.rotary_bytes(spec, 2, VLLM) == 4 * 262144 * 128 * 2
