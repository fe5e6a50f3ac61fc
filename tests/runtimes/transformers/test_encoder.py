"""Encoders: what one call has alive, by the tensors that it must hold at its widest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale.model.spec import ModelSpec
from llmscale.runtimes.transformers.encoder.call import encode
from llmscale.runtimes.transformers.encoder.tower import towers_of
from llmscale.runtimes.transformers.forward import is_traced, simulate
from llmscale.runtimes.transformers.ops import Step
from llmscale.sources.registry import load

IDS = 2 * 8


def model(name: str) -> ModelSpec:
    return load(name).known()


def call(spec: ModelSpec, tokens: int, batch: int = 1, *, eager: bool = False) -> int:
    return encode(spec, Step(batch, spec.sequence or tokens, 0, 2, eager=eager)).peak


def test_bert_is_widest_in_the_activation_of_its_mlp() -> None:
    # Embeddings, the layer's input, the attention's output; the first projection and its activation.
    assert call(model("bert-base"), 512, 4) == 4 * 512 * (2 * (3 * 768 + 2 * 3072) + IDS)


def test_single_operations_of_bert_hold_two_matrices_of_scores_and_no_mask() -> None:
    scores = 4 * 12 * 512 * 512 * 2
    states = 4 * 512 * (2 * 6 * 768 + IDS)
    assert call(model("bert-base"), 512, 4, eager=True) == 2 * scores + states - 4 * 512 * 768 * 2


def test_a_vision_transformer_is_given_pixels_and_keeps_embeddings_residual_and_normed_copy() -> None:
    tape = encode(model("vit-base"), Step(8, 197, 0, 2))
    assert tape.peak == 8 * (197 * 2 * (4 * 768 + 2 * 3072) + 224 * 224 * 3 * 2)
    assert next(buffer.elements for buffer in tape.moment if buffer.name == "pixels") == 8 * 224 * 224 * 3


def test_of_two_towers_the_wider_decides_whatever_the_length_of_the_text() -> None:
    spec = model("clip-vit-large-patch14-336")
    vision, text = towers_of(spec)
    assert (vision.picture, text.picture) == (577, 0)
    assert call(spec, 77) - call(spec, 8) == 2 * (-(-77 * 8 // 512) * 512 - 512)
    # A text that is long enough is wider than the picture.
    assert call(spec, 4000) > 2 * call(spec, 77)


def test_logits_of_every_token_are_the_widest_of_a_small_model_with_a_head() -> None:
    spec = model("albert-base-v2")
    (first, *_) = encode(spec, Step(2, 512, 0, 2)).moment
    assert first.name == "logits"
    assert first.elements == 2 * 512 * 30_000


def test_deberta_keeps_what_every_layer_made_and_bert_does_not() -> None:
    shallow, deep = (call(model(name), 64, 4) for name in ("deberta-v3-small", "deberta-v3-base"))
    assert deep - shallow == 6 * 4 * 64 * 768 * 2
    assert call(model("bert-base"), 64) == call(model("distilbert-base"), 64)


def test_modernbert_makes_a_mask_of_all_pairs_for_its_windows() -> None:
    spec = model("modernbert-base")
    names = {buffer.name for buffer in encode(spec, Step(1, 8192, 0, 2)).moment}
    assert {"distances", "distances with their sign"} <= names


@pytest.mark.parametrize(
    "name",
    [
        "roberta-large",
        "xlm-roberta-base",
        "electra-small",
        "eurobert-210m",
        "nomic-embed-text-v1.5",
        "ernie-3.0-base",
        "vit-huge",
        "deit-tiny",
        "dinov2-giant",
        "dinov3-vit7b16",
        "siglip-so400m-patch14-384",
        "bge-m3",
    ],
)
def test_these_are_traced_and_have_no_answer_of_their_own(name: str) -> None:
    spec = model(name)
    assert is_traced(spec)
    step = Step(2, spec.sequence or 64, 0, 2)
    assert simulate(spec, step).peak == encode(spec, step).peak > 0


@pytest.mark.parametrize(
    "name", ["swinv2-base", "convnext-tiny", "sam-vit-base", "wav2vec2-base", "longformer-base-4096"]
)
def test_encoders_with_blocks_of_their_own_are_not(name: str) -> None:
    assert towers_of(model(name)) == ()


TEXTS = st.sampled_from(["bert-base", "albert-base-v2", "modernbert-base", "deberta-v3-base", "nomic-embed-text-v1.5"])


@given(TEXTS, st.integers(1, 4096), st.integers(1, 4096), st.integers(1, 8), st.booleans())
def test_more_tokens_or_sequences_never_take_less(name: str, one: int, other: int, batch: int, eager: bool) -> None:
    short, long = sorted((one, other))
    spec = model(name)
    assert call(spec, short, batch, eager=eager) <= call(spec, long, batch, eager=eager)
    assert call(spec, long, batch, eager=eager) <= call(spec, long, batch + 1, eager=eager)
