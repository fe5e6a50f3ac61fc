"""What is asked about: tensors at hand, a compiled model, or a size that models of about it answer for."""

from __future__ import annotations

from statistics import median_low

import pytest

from llmscale import load
from llmscale.catalogue.summaries import summary
from llmscale.errors import UnsupportedModelError
from llmscale.fit.about import DEFAULT_CONTEXT
from llmscale.fit.bare import Bare, BareSize
from llmscale.fit.subject import Counted, Listed, listed, model_of
from llmscale.formats.catalogue import quant, quants
from llmscale.formats.weights import file_weights
from llmscale.quantity import Basis
from llmscale.runtimes.subject import Exact, Summary
from tests.helpers import tiny_spec


def bare(reference: str) -> Bare:
    found = model_of(load(reference).known())
    assert isinstance(found, Bare)
    return found


def compiled(model: str) -> Listed:
    found = summary(model)
    assert found is not None
    it = listed(found)
    assert it is not None
    return it


def test_tensors_that_are_at_hand_are_counted_once_for_each_quant() -> None:
    model = model_of(tiny_spec())
    assert isinstance(model, Counted)
    subject = model.subject(quant("fp16"), "transformers")
    assert isinstance(subject, Exact)
    assert model.subject(quant("fp16"), "transformers") is subject
    assert model.subject(quant("int8"), "transformers") is not subject
    assert model.weights(quant("fp16")).value == 2 * model.about.parameters


@pytest.mark.parametrize("model", ["llama-2-7b", "gpt-oss-20b", "bert-base", "vit-base", "deepseek-v3"])
def test_what_was_compiled_of_a_model_is_what_its_tensors_say(model: str) -> None:
    known, counted = compiled(model), model_of(load(model).known())
    assert isinstance(counted, Counted)
    assert known.about == counted.about._replace(notes=(), uncounted=None)
    have = known.has(quants())
    assert [one.id for one in have] == [one.id for one in counted.has(quants())]
    for one in have:
        assert known.weights(one).value == counted.weights(one).value
        assert known.on_devices(one) == counted.on_devices(one)
    exact, subject = counted.subject(have[0], ""), known.subject(have[0], "transformers")
    assert isinstance(subject, Summary)
    assert subject.widths._replace(max_context=None) == exact.widths._replace(max_context=None)
    assert (subject.family, subject.limit) == (exact.family, counted.about.limit)


def test_a_quant_that_a_model_cannot_be_had_in() -> None:
    for model in (compiled("vit-base"), model_of(load("vit-base").known())):
        with pytest.raises(UnsupportedModelError):
            model.weights(quant("q4_k_m"))
        assert quant("q4_k_m") not in model.has(quants())


def test_the_context_is_as_asked_the_models_own_or_the_usual() -> None:
    def context(model: str, asked: int | None = None) -> int:
        return model_of(load(model).known()).about.context(asked)

    assert context("llama-3.1-8b") == DEFAULT_CONTEXT
    assert (context("gpt2"), context("gpt2", 100), context("gpt2", 5000)) == (1024, 100, 5000)
    assert (context("vit-base"), context("vit-base", 100)) == (197, 197)


def test_a_plain_width_of_a_bare_size_is_exact() -> None:
    weights = bare("7B").weights(quant("int4"))
    assert weights == (3_500_000_000, 3_500_000_000, 3_500_000_000, Basis.EXACT)


def test_experts_of_a_bare_mixture_are_a_range() -> None:
    weights = bare("8x7B").weights(quant("fp16"))
    assert weights.value == weights.high == 112_000_000_000
    assert weights.low < 2 * 46_702_792_704 < weights.high
    assert weights.basis is Basis.ASSUMED


def test_a_reported_size_says_so() -> None:
    model = bare("seed1.5-thinking")
    assert model.about.basis is model.weights(quant("fp16")).basis is Basis.REPORTED


def test_a_preset_of_a_bare_size_is_what_real_models_of_it_take() -> None:
    found = bare("7B").weights(quant("q4_k_m"))
    assert found.basis is Basis.ASSUMED
    assert found.low < found.value < found.high
    assert 4.5 < 8 * found.value / 7e9 < 5.3
    for name in ("llama-2-7b", "mistral-7b-v0.3"):
        real = model_of(load(name).known())
        bits = real.weights(quant("q4_k_m")).value / real.about.parameters
        assert found.low <= 7e9 * bits <= found.high


def test_the_models_around_a_size_answer_for_all_but_its_weights() -> None:
    subject = bare("7B").subject(quant("q4_k_m"), "llama.cpp")
    assert isinstance(subject, BareSize)
    assert len(subject.neighbours) > 3
    assert all(one.weights.value == 0 and not one.exact for one in subject.neighbours)
    assert all(one.widths.caches for one in subject.neighbours)
    assert any(one.compiled for one in subject.neighbours)


def test_the_code_that_a_model_runs_through_is_known_of_its_type_alone() -> None:
    """Not of a size, whether assumed or reported; of its tensors where these are known."""
    for model, family in (("7B", ""), ("palm-8b", ""), ("llama-2-7b", "llama"), ("bert-base", "bert")):
        assert model_of(load(model).known()).about.family == family, model


def test_what_lies_on_devices_of_a_file_is_not_what_stays_in_host_memory() -> None:
    for model, form in (("llama-2-7b", "q4_k_m"), ("llama-2-7b", "fp16"), ("gpt2", "q8_0"), ("gemma-2-9b", "q4_k_m")):
        known, counted = compiled(model), model_of(load(model).known())
        assert isinstance(counted, Counted)
        one = quant(form)
        there = file_weights(counted.subject(one, "").stored)
        sized = known.subject(one, one.runtime).sized
        assert known.on_devices(one) == counted.on_devices(one) == sized.device
        assert sized.total.value == counted.weights(one).value
        if one.kind == "gguf":
            assert sized.device == there.device
            assert sized.host == there.host > 0
            assert sized.read > 0


def test_a_preset_takes_of_a_size_the_bits_of_the_one_in_the_middle_between_their_ends() -> None:
    model = bare("7B")
    for form in ("q4_k_m", "awq"):
        one = quant(form)
        bits = []
        for near in model.around:
            found = compiled(near.id)
            if found.has([one]):
                bits.append(8 * found.weights(one).value / near.parameters)
        weights = model.weights(one)
        assert weights.value == round(7e9 * median_low(bits) / 8)
        assert (weights.low, weights.high) == (round(7e9 * min(bits) / 8), round(7e9 * max(bits) / 8))
        assert model.on_devices(one) == weights.low


def test_a_size_of_experts_has_the_ends_that_are_meant() -> None:
    model = bare("8x7B")
    low, high = model.ends
    assert low < high
    weights = model.weights(quant("int8"))
    assert (weights.low, weights.value, weights.high) == (low, model.about.parameters, high)


def test_models_that_are_alike_answer_once_and_each_stays_counted() -> None:
    subject = bare("7B").subject(quant("q4_k_m"), "llama.cpp")
    around = bare("7B").around
    assert len(subject.models) == len(around)
    assert set(subject.models) == set(range(len(subject.neighbours)))
    for number, model in zip(subject.models, around, strict=True):
        assert subject.neighbours[number].widths._replace(max_context=None) == compiled(model.id).widths._replace(
            max_context=None
        )
    assert len({(near.widths, repr(near.compiled)) for near in subject.neighbours}) == len(subject.neighbours)
