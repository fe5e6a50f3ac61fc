"""One step of ``generate`` by hand, and what must hold for any model."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale.model.families import from_config
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.transformers.forward import is_traced, settled, simulate
from llmscale.runtimes.transformers.ops import Step
from llmscale.sources.registry import load

#: Widths of which every tensor is a multiple of 512 bytes, so that sums need no rounding.
HIDDEN, INNER, HEADS, KV_HEADS, HEAD, VOCAB = 512, 4096, 8, 2, 64, 2048


def model(layers: int = 4, model_type: str = "llama", **more: Any) -> ModelSpec:
    config = {
        "model_type": model_type,
        "num_hidden_layers": layers,
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "vocab_size": VOCAB,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": False,
        **more,
    }
    return from_config(config, "a model of the test")


def prompt(tokens: int, batch: int = 1, **more: Any) -> Step:
    return Step(batch, tokens, 0, 2, **more)


def answer(seen: int, batch: int = 1, **more: Any) -> Step:
    return Step(batch, 1, seen - 1, 2, **more)


def test_the_widest_moment_of_a_prompt_is_in_the_mlp_of_the_last_layer() -> None:
    n, b = 256, 2
    cache = 4 * 2 * KV_HEADS * HEAD  # K and V of four layers
    tables = 2 * HEAD  # cosines and sines
    streams = 4 * HIDDEN  # embeddings, the layer's input, the residual and its normalised copy
    ids = 4 * 8  # prompt, mask, positions and their copy
    tape = simulate(model(), prompt(n, b))
    assert tape.peak == b * n * (2 * (cache + tables + streams + 3 * INNER) + ids)
    assert tape.moment[0].name in ("activation of the gate", "up", "product", "KV cache of other layers")
    assert sum(buffer.size for buffer in tape.moment) == tape.peak


def test_by_hand_attention_is_widest_at_the_softmax() -> None:
    n = 1024
    scores = HEADS * n * n * (2 + 4 + 4)  # masked, in FP32, and its softmax in FP32
    repeated = 2 * HEADS * HEAD * n * 2
    mask = n * n * 2
    kept = n * (2 * (4 * 2 * KV_HEADS * HEAD + 2 * HEAD + HEADS * HEAD + 3 * HIDDEN) + 4 * 8)
    assert simulate(model(), prompt(n, eager=True)).peak == scores + repeated + mask + kept


def test_depth_adds_its_cache_and_nothing_else() -> None:
    for step in (prompt(700), prompt(300, 3, eager=True)):
        peaks = [simulate(model(layers), step).peak for layers in (2, 3, 12)]
        one = step.rows * 2 * KV_HEADS * HEAD * 2
        assert [peak - peaks[0] for peak in peaks] == [0, one, 10 * one]


def test_a_step_of_the_answer_grows_one_layer_at_a_time() -> None:
    seen, layer = 2049, 2 * KV_HEADS * HEAD * 2
    peak = simulate(model(), answer(seen)).peak
    # All layers, and one K of the tokens before the step while the new one is made.
    assert 4 * layer * seen + layer // 2 * (seen - 1) <= peak <= 4 * layer * seen + layer // 2 * seen + 200_000


def test_decoding_copies_the_experts_of_every_token() -> None:
    spec = model(model_type="mixtral", num_local_experts=8, num_experts_per_tok=2)
    copied = 3 * INNER * HIDDEN * 2 * 2
    for batch in (1, 4):
        with_, without = (simulate(spec, answer(64, batch, copied_experts=element)).peak for element in (2, 0))
        assert with_ >= batch * copied
        assert without < batch * copied // 2


def test_a_window_keeps_the_whole_prompt_until_the_answer_begins() -> None:
    plain, slid = (model(model_type="mistral", sliding_window=window) for window in (None, 128))
    assert simulate(slid, prompt(1024)).peak >= simulate(plain, prompt(1024)).peak
    assert settled(slid, prompt(1024)) * 8 == settled(plain, prompt(1024))
    later, first = (simulate(slid, answer(1024, first=first)).peak for first in (False, True))
    assert later < simulate(plain, answer(1024)).peak < first + 200_000


def test_a_static_cache_is_there_whole_from_the_start() -> None:
    short, long = (simulate(model(), prompt(64, static=room)).peak for room in (64, 4096))
    assert long - short == (4096 - 64) * 4 * 2 * KV_HEADS * HEAD * 2


def test_before_445_a_prompt_had_fp32_logits_of_every_token() -> None:
    now, then = (simulate(model(), prompt(512, all_logits=every)).peak for every in (False, True))
    assert then >= 512 * VOCAB * (2 + 4)
    assert now < then or now > 512 * VOCAB * 6


def test_sdpa_that_cannot_share_k_and_v_repeats_them() -> None:
    shared, repeated = (simulate(model(), answer(4096, grouped=grouped)).peak for grouped in (True, False))
    assert repeated - shared == pytest.approx(2 * HEADS * HEAD * 4096 * 2 - KV_HEADS * HEAD * 4096 * 2, rel=0.01)


def test_what_flash_makes_of_a_concatenated_q_is_copied() -> None:
    # Heads that are wide against everything else, so that attention is the widest moment.
    wide = {"head_dim": 512 // 2, "num_attention_heads": 16, "intermediate_size": 512}
    whole, part = model(**wide), model(model_type="glm", partial_rotary_factor=0.25, **wide)
    names = {buffer.name for buffer in simulate(part, prompt(2048)).moment}
    assert {"attention", "attention by token"} <= names
    assert "attention by token" not in {buffer.name for buffer in simulate(whole, prompt(2048)).moment}


@pytest.mark.parametrize(
    ("name", "traced"),
    [
        ("llama-3.1-8b", True),
        ("gpt2", True),
        ("deepseek-v3", True),
        ("gemma-3-27b", True),
        ("bert-base", True),
        ("t5-small", True),
        ("mamba-130m", True),
        ("vit-base", True),
        ("gpt-j-6b", True),
        ("codegen-350m", True),
        ("mpt-7b", True),
        ("trinity-mini", True),
        ("deepseek-v3.2", True),
        ("rwkv-4-169m", True),
        ("minimax-text-01", False),
        ("swinv2-tiny", False),
        ("llama-4-scout", True),
        ("falcon-7b", True),
        ("falcon-rw-1b", False),
    ],
)
def test_what_has_code_of_its_own_is_not_traced(name: str, traced: bool) -> None:
    assert is_traced(load(name).known()) is traced


def test_a_recurrent_state_stays_the_same_and_the_delta_rule_goes_by_chunks() -> None:
    spec = load("qwen3-next-80b-a3b").known()
    convolved, heads = 2 * 16 * 128 + 32 * 128, 32
    state = 36 * (convolved * 4 * 2 + heads * 128 * 128 * 4)
    cache = 12 * 2 * 2 * 256 * 2
    assert settled(spec, prompt(64)) == state + 64 * cache
    assert settled(spec, prompt(6400, 2)) == 2 * (state + 6400 * cache)
    # A chunk that is begun is a whole one.
    one, begun, whole = (simulate(spec, prompt(tokens)).peak for tokens in (6400, 6401, 6464))
    assert begun - one > 0.6 * (whole - one)


KINDS = st.sampled_from(["llama", "gemma2", "mixtral", "mistral", "gpt2", "deepseek_v3"])
SPECS = {
    "llama": "llama-3.1-8b",
    "gemma2": "gemma-2-2b",
    "mixtral": "mixtral-8x7b",
    "mistral": "mistral-7b-v0.1",
    "gpt2": "gpt2",
    "deepseek_v3": "deepseek-v2-lite",
}


@given(KINDS, st.integers(1, 20_000), st.integers(1, 20_000), st.integers(1, 16), st.booleans(), st.booleans())
def test_more_tokens_or_sequences_never_take_less(
    kind: str, one: int, other: int, batch: int, eager: bool, answers: bool
) -> None:
    spec, (short, long) = load(SPECS[kind]).known(), sorted((one, other))
    at = answer if answers else prompt
    peak = simulate(spec, at(long, batch, eager=eager)).peak
    assert simulate(spec, at(short, batch, eager=eager)).peak <= peak
    assert peak <= simulate(spec, at(long, batch + 1, eager=eager)).peak
    assert peak >= settled(spec, at(long, batch))


def test_an_indexer_scores_every_token_for_every_head_in_fp32() -> None:
    spec = load("deepseek-v3.2").known()
    scores = [buffer for buffer in simulate(spec, prompt(4096)).moment if "of the indexer" in buffer.name]
    assert [buffer.elements for buffer in scores if buffer.elements == 64 * 4096 * 4096] == [64 * 4096 * 4096] * 2
    cache = 61 * (512 + 64 + 128) * 2
    assert settled(spec, prompt(64)) == 64 * cache


def test_biases_of_positions_make_the_scores_of_mpt_fp32() -> None:
    wide = {buffer.name: buffer for buffer in simulate(load("mpt-7b").known(), prompt(2048)).moment}
    assert wide["masked scores"].size == wide["softmax in FP32"].size == 32 * 2048 * 2048 * 4


def test_the_activation_of_apertus_makes_both_sides_whole() -> None:
    n = 2048 * 21_504
    names = [
        buffer.name for buffer in simulate(load("apertus-8b").known(), prompt(2048)).moment if buffer.elements == n
    ]
    assert sorted(names) == ["activation", "exponential side", "linear part", "signs", "square side", "up"]


def test_layers_that_look_at_pictures_are_left_out_without_one() -> None:
    spec = load("llama-3.2-11b-vision").known()
    text = load("llama-3.1-8b").known()
    # Its other layers are those of the text model, to the byte.
    assert settled(spec, prompt(1000)) == settled(text, prompt(1000))
    assert simulate(spec, prompt(1000)).peak == simulate(text, prompt(1000)).peak


def test_layers_of_gemma_4_that_share_k_and_v_see_one_token_of_a_prompt() -> None:
    spec = load("gemma-4-e2b").known()
    # Their MLP is twice as wide as that of the others; FlashAttention alone lets the whole prompt through it.
    sliced, whole = (
        {buffer.elements for buffer in simulate(spec, prompt(300, flash=flash)).moment} for flash in (False, True)
    )
    assert 300 * 12_288 in whole - sliced
    assert 300 * 35 * 256 in sliced & whole


def test_gemma_3n_carries_four_streams_and_keeps_both_sides_of_its_mlp() -> None:
    moment = simulate(load("gemma-3n-e4b").known(), prompt(2048)).moment
    sizes = {buffer.name: buffer.elements for buffer in moment}
    assert sizes["gate"] == sizes["up"] == sizes["product"] == 2048 * 16_384
    assert sizes["input of the layer"] == sizes["predictions"] == 4 * 2048 * 2048
