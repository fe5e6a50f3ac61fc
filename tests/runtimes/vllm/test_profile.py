"""The activation peak of vLLM's profile run, counted by hand."""

from __future__ import annotations

from typing import Any

from llmscale.model.blocks.attention import Attention, LatentAttention
from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts, Mlp
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.parallel.ranks import ALONE, Parallel
from llmscale.runtimes.vllm.blocks import unpacked, unpacked_tokens, width
from llmscale.runtimes.vllm.profile import DeviceTraits, activation_peak, encoder_inputs, step_widths, tower_peak
from llmscale.runtimes.vllm.releases import Batch, release
from llmscale.sources.registry import load
from llmscale.units import GIB, MIB
from tests.runtimes.vllm.rows import model


def peak(spec: ModelSpec, **options: Any) -> int:
    batch, parallel = options.pop("batch", Batch(8192, 1024)), options.pop("parallel", ALONE)
    return activation_peak(step_widths(spec, parallel), batch, options.pop("rules", release()), **options)


def test_the_sampler_is_the_peak_of_a_large_vocabulary() -> None:
    """Logits in 2 and 4 bytes, probabilities and random numbers in 4; hidden states; a row a multiprocessor."""
    spec, logits = model("gemma-2-2b"), 1024 * 256000
    expected = 14 * logits + (8192 + 2048) * 2304 * 2 + 132 * 256000 * 4 + 32 * MIB
    assert peak(spec) == expected
    assert peak(spec, device=DeviceTraits(capability=8.9)) == expected - 24 * MIB + 128 * 1024
    assert peak(spec, rules=release("0.16")) == expected + 24 * logits - 132 * 256000 * 4
    assert peak(spec, encoder_bytes=5) == expected + 5


def test_the_forward_pass_is_the_peak_where_nothing_is_sampled() -> None:
    spec = model("gemma-2-2b")
    assert peak(spec, samples=False) == 8192 * (3 * 2304 + 3 * 9216) * 2 + 74 * MIB
    assert peak(spec, samples=False, parallel=Parallel(2)) == 8192 * (3 * 2304 + 3 * 4608) * 2 + 74 * MIB


def test_drafts_are_accepted_with_logits_of_two_tokens_a_request() -> None:
    """Five copies in FP32 and three in 16 bits, the last hidden states, and those of both tokens of each request."""
    spec = model("gemma-2-2b")
    expected = 1024 * 256_000 * (5 * 4 + 3 * 2) + (8192 + 2 * 1024) * 2304 * 2 + 32 * MIB
    assert peak(spec, speculates=True) == expected
    assert peak(spec, speculates=True, samples=False) == peak(spec, samples=False)


def test_experts_keep_their_scratch_unless_they_are_packed() -> None:
    """Eight experts a token: as wide as the hidden size twice, for gate and up together are narrower."""
    spec = model("qwen3-30b-a3b")
    assert peak(spec) - peak(spec, expert_scratch=False) == 8192 * 8 * (2048 + 2048) * 2


def test_experts_that_are_dealt_out_are_as_wide_as_they_are() -> None:
    """Mixtral: two of 14,336 for each token, gate and up together and their product; over two ranks half of each."""
    spec = model("mixtral-8x7b")
    for parallel, second in (
        (Parallel(), 14_336),
        (Parallel(2), 7168),
        (Parallel(2, data=2), 4096),  # 3,584, less than the 4,096 of the hidden size
        (Parallel(2, experts=True), 14_336),
    ):
        first = max(2 * 14_336 // (1 if parallel.experts else parallel.tensor * parallel.data), 4096)
        assert step_widths(spec, parallel).scratch == 2 * (first + second)


def test_what_is_widest_in_each_block() -> None:
    gated, plain = GatedMlp(4096, 14_336), Mlp(4096, 16_384)
    attention = Attention(4096, 32, 8, 128)
    latent = LatentAttention(7168, 128, 1536, 512, 128, 64, 128)
    experts = MixtureOfExperts(2048, 1408, 64, 6, shared=2816)
    # Gate, up and product; up and its activation; Q, K and V with Q and K apart; Q, K and V of all heads; what goes
    # into the experts beside the shared one's three.
    for block, one in (
        (gated, 3 * 14_336),
        (plain, 2 * 16_384),
        (attention, (2 * 32 + 3 * 8) * 128),
        (latent, 128 * (128 + 64 + 128)),
        (experts, 2048 + 3 * 2816),
    ):
        assert width(block, 1) == one
    assert width(gated, 4) == 3 * 14_336 // 4
    assert width(latent, 4) == 32 * 320
    assert width(experts, 4) == 2048 + 3 * 704


def test_mla_unpacks_a_ranks_heads() -> None:
    latent = LatentAttention(7168, 128, 1536, 512, 128, 64, 128)
    assert [unpacked(latent, ranks) for ranks in (1, 8)] == [128 * 256, 16 * 256]
    assert unpacked_tokens(Batch(8192, 256), 4096) == 8 * 4096


def test_mla_unpacks_eight_requests_of_cached_tokens() -> None:
    spec, batch = model("deepseek-r1"), Batch(8192, 256)
    short, long = (peak(spec, batch=batch, samples=False, context=context) for context in (4096, 131072))
    assert long - short == (65536 - 8 * 4096) * 128 * (128 + 128) * 2
    tiny_context = peak(spec, batch=batch, samples=False, context=16)
    assert short - tiny_context == (8 * 4096 - 4 * 256 * 16) * 128 * (128 + 128) * 2


def test_models_that_see_hold_the_images_of_a_step() -> None:
    def images(name: str) -> int:
        return encoder_inputs(step_widths(load(name).known()), Batch(8192, 1024))

    assert images("gemma-3-27b") == 8192 * (5376 + 3 * 896 * 896 // 256) * 2
    assert images("qwen2-vl-7b") == 16384 * (3584 + 4 * 2 * 3 * 14 * 14) * 2
    # Three more embeddings of each image token enter later layers.
    assert images("qwen3-vl-8b") == 16384 * (4 * 4096 + 4 * 2 * 3 * 16 * 16) * 2
    assert images("llama-3.1-8b") == 0


def test_only_towers_with_large_images_have_a_peak_of_their_own() -> None:
    def tower(name: str) -> int:
        return tower_peak(step_widths(load(name).known()), Batch(2048, 256))

    assert tower("qwen3-vl-8b") > GIB
    assert tower("gemma-3-27b") == tower("llama-3.1-8b") == 0
