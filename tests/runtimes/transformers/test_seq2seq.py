"""Encoder-decoders: the encoder's pass, and the decoder's over what it left."""

from __future__ import annotations

import json

import pytest

from llmscale import estimate
from llmscale.model.families import from_config
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.transformers.forward import is_traced, settled, simulate
from llmscale.runtimes.transformers.ops import Step
from llmscale.runtimes.transformers.seq2seq import pair_of
from llmscale.sources.registry import load
from tests.helpers import REPOSITORY


def model(name: str) -> ModelSpec:
    return load(name).known()


def asked(tokens: int, batch: int = 1, *, past: int = 0, eager: bool = False) -> Step:
    return Step(batch, 1 if past else tokens, past, 2, eager=eager, source=tokens)


def test_the_first_token_copies_what_the_last_layer_makes_of_the_encoders_tokens() -> None:
    spec = model("bart-large")
    one = 1024 * 2 * 1024 * 2
    names = [(buffer.name, buffer.size) for buffer in simulate(spec, asked(1024)).moment]
    assert ("KV cache of the encoder's tokens", 11 * one) in names
    assert sum(size for name, size in names if "of the encoder's tokens" in name or name in "KV") == 13 * one


def test_a_later_token_has_both_caches() -> None:
    spec = model("bart-large")
    tape = simulate(spec, asked(1024, past=99))
    kept = 12 * (1024 + 100) * 2 * 1024 * 2
    assert kept <= tape.peak < 1.1 * kept


def test_t5_has_a_bias_of_each_head_for_all_pairs() -> None:
    moment = simulate(model("t5-3b"), asked(2048, eager=True)).moment
    assert next(buffer.elements for buffer in moment if buffer.name == "biases of positions") == 32 * 2048 * 2048
    # Of few heads the buckets of distances are wider: numbers of 64 bits.
    narrow = simulate(model("t5-small"), asked(2048))
    assert any("buckets of positions" in buffer.name for buffer in narrow.moment)


def test_whisper_hears_thirty_seconds_whatever_it_writes() -> None:
    spec = model("whisper-large-v3")
    pair = pair_of(spec)
    assert pair
    assert (pair.tokens, pair.sound) == (1500, 128 * 3000)
    assert simulate(spec, asked(10)).peak == simulate(spec, asked(400)).peak
    cross = 32 * 1500 * 2 * 1280 * 2
    assert simulate(spec, asked(448, past=447)).peak > cross + 32 * 448 * 2 * 1280 * 2


def test_a_table_that_both_sides_share_is_not_the_encoders_own() -> None:
    shared, own = (pair_of(model(name)) for name in ("m2m100-418m", "bart-large"))
    assert shared
    assert own
    assert (shared.encoder.words, own.encoder.words) == (0, 1024)


def test_what_settles_is_counted_as_the_cache_is_elsewhere() -> None:
    spec = model("t5-small")
    assert settled(spec, asked(100, 2)) == 2 * 100 * 6 * 2 * 2 * 512 * 2


@pytest.mark.parametrize(
    "name",
    [
        "t5-3b",
        "flan-ul2",
        "mt5-base",
        "umt5-xxl",
        "bart-base",
        "mbart-large-50",
        "pegasus-large",
        "opus-mt-en-de",
        "m2m100-418m",
        "nllb-200-1.3b",
        "whisper-tiny",
        "blenderbot-3b",
        "blenderbot-90m",
    ],
)
def test_these_are_traced_and_grow_with_batch(name: str) -> None:
    spec = model(name)
    assert is_traced(spec)
    for eager in (False, True):
        assert simulate(spec, asked(128, eager=eager)).peak < simulate(spec, asked(128, 2, eager=eager)).peak


def test_moonshine_is_not() -> None:
    assert not is_traced(model("moonshine-tiny"))


def test_what_an_encoder_always_makes_is_cached_whole_at_any_context() -> None:
    """Whisper's 1,500 tokens of 30 seconds; before Llama 3.2 Vision one image of four tiles of 40 x 40 patches."""
    a_token = 2 * 2
    for reference, looking, width, tokens, own in (
        ("whisper-large-v3", 32, 1280, 1500, 32),
        ("llama-3.2-11b-vision", 8, 1024, 4 * 1601, 32),
    ):
        for context in (100, 400):
            (found,) = estimate(reference, ["fp16"], context=context).estimates
            assert found.kv_cache_bytes == (looking * tokens + own * context) * width * a_token
            assert found.compute_bytes > 0


@pytest.mark.parametrize(
    ("name", "layers", "intermediate"),
    [("bart-large", 12, 4096), ("t5-3b", 24, 16_384), ("opus-mt-en-de", 6, 2048), ("whisper-large-v3", 32, 5120)],
)
def test_each_layer_of_a_decoder_attends_to_its_own_tokens_and_to_the_encoders(
    name: str, layers: int, intermediate: int
) -> None:
    pair = pair_of(model(name))
    assert pair
    assert (len(pair.own), len(pair.cross), pair.encoder.layers, pair.intermediate) == (*(layers,) * 3, intermediate)


@pytest.mark.parametrize("part", ["umt5-encoder", "whisper-tiny-audiocls", "bart-large-causal"])
def test_an_encoder_or_a_decoder_alone_is_no_pair(part: str) -> None:
    config = json.loads((REPOSITORY / "tests" / "oracle" / "configs" / f"{part}.json").read_text(encoding="utf-8"))
    assert pair_of(from_config(config, part)) is None
