"""Choosing a quant: of those that a model can be had in, the one with the least loss that fits."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from llmscale import estimate, fits, needs
from llmscale.answers.catalogued import all_models
from llmscale.answers.question import question
from llmscale.answers.results.fits import FitsResult
from llmscale.catalogue.summaries import compiled
from llmscale.devices.sets import device_set
from llmscale.errors import LlmscaleError, NotFoundError, UnsupportedModelError, UsageError
from llmscale.fit import choose
from llmscale.fit.choose import best
from llmscale.fit.offloading import without_offloading
from llmscale.fit.place import place
from llmscale.fit.subject import Listed
from llmscale.formats.catalogue import quant, quants
from llmscale.runtimes.placed import WEIGHTS
from llmscale.runtimes.subject import Summary
from llmscale.units import GIB
from tests.fit.synthetic import cards


def chosen(device: str, model: str, **asked: object) -> FitsResult:
    answer = fits(device, [model], **asked)  # type: ignore[arg-type]
    assert isinstance(answer, FitsResult)
    return answer


def test_of_one_model_the_steps_around_the_best_are_shown() -> None:
    answer = chosen("24GiB", "llama-3.1-70b")
    (line,) = answer.models
    fitting = [choice.quant for choice in answer.choices if choice.fits]
    assert line.fits
    assert fitting[0] == line.quant
    assert not answer.choices[0].fits, "the next better one is shown to say what is missing"
    assert answer.choices[0].missing_bytes > 0
    for choice in answer.choices:
        (same,) = estimate("llama-3.1-70b", [choice.quant], gpus=["24GiB"]).estimates
        (device,) = same.devices
        assert choice.weights_bytes == same.weights_bytes
        assert (choice.used_bytes, choice.free_bytes) == (device.used_bytes, device.free_bytes)
        assert choice.total_bytes == choice.used_bytes + choice.host_bytes == same.total_bytes
        assert choice.fits == same.devices[0].fits


def test_where_nothing_fits_the_smallest_says_what_it_lacks() -> None:
    answer = chosen("12GB", "llama-3.1-70b")
    (line,) = answer.models
    assert not line.fits
    assert line.missing_bytes > 0
    assert answer.choices[-1].quant == line.quant
    assert not any(choice.fits for choice in answer.choices)


def test_more_memory_never_gives_a_quant_that_loses_more() -> None:
    found = [chosen(f"{size}GiB", "llama-3.1-8b").models[0] for size in (4, 6, 8, 10, 12, 16, 24)]
    losses = [line.loss.percent if line.loss else 0.0 for line in found if line.fits]
    assert losses == sorted(losses, reverse=True)
    assert len(set(losses)) > 3


def test_a_model_published_in_four_bits_is_not_blown_up() -> None:
    (line,) = chosen("80GiB", "gpt-oss-20b").models
    assert line.quant == "mxfp4_moe"
    (named,) = chosen("80GiB", "gpt-oss-20b", quants=["q8_0"]).models
    assert named.quant == "q8_0"


def test_what_llama_cpp_cannot_load_is_run_from_its_published_files() -> None:
    assert chosen("24GiB", "vit-base").models[0].quant == "fp16"
    with pytest.raises(UnsupportedModelError, match=r"cannot be had in any quant of llama\.cpp"):
        fits("24GiB", ["vit-base"], runtime="llama.cpp")
    with pytest.raises(NotFoundError, match="no runtime called 'llama2'"):
        fits("24GiB", ["llama-2-7b"], runtime="llama2")


def test_what_runs_without_an_option_that_is_given_is_no_choice() -> None:
    """This model has only its published files, which transformers runs, and that leaves no layers in RAM."""
    with pytest.raises(UnsupportedModelError, match="cannot be had in any of these quants"):
        fits("24GiB", ["vit-base"], options={"gpu_layers": "0"})


def test_needs_says_with_which_quant_each_device_is_enough() -> None:
    answer = needs("llama-2-70b", everything=True)
    by_size = {line.quant for line in answer.devices}
    assert {"f16", "q4_k_m"} <= by_size
    for line in answer.devices:
        name = line.id if line.count == 1 else f"{line.count}x {line.id}"
        (same,) = estimate("llama-2-70b", [line.quant], gpus=[name]).estimates
        assert same.devices[0].fits
    (only,) = {line.quant for line in needs("llama-2-70b", ["q4_k_m"]).devices}
    assert only == "q4_k_m"


@pytest.mark.parametrize("offset", range(8))
def test_what_a_runtime_loads_is_never_less_than_what_was_compiled(offset: int) -> None:
    """So a model whose compiled weights are more than there is needs no placement of its own to be refused."""
    every = [entry for entry in all_models(None) if isinstance(entry.model, Listed)]
    others = [quant for quant in quants() if quant.runtime not in ("llama.cpp", "ollama")]
    devices, asked, compared = device_set("2x 80GiB"), question(), 0
    for number, entry in enumerate(every[offset::31]):
        quant = others[(7 * number + offset) % len(others)]
        runtime = asked.runs(quant)
        try:
            work = asked.work(entry.model.about, quant, [devices])
            screened = place(runtime, entry.model.subject(quant, runtime.info.name), work, devices).placed
            counted = place(runtime, entry.counted().subject(quant, runtime.info.name), work, devices).placed
        except LlmscaleError:
            continue
        compared += 1
        assert counted.of(WEIGHTS).value >= screened.of(WEIGHTS).value, (entry.reference, quant.id)
    assert compared >= 8


@pytest.mark.parametrize(("more", "asked"), [(-2 * 10**9, 0), (-(10**9), 0), (-2000, 1), (0, 1), (2000, 1), (10**9, 0)])
def test_where_what_was_compiled_is_nearly_full_the_tensors_are_asked(more: int, asked: int) -> None:
    """transformers' activations are compiled to 1.5 in 1,000 of what a model takes: 27 of 18,000 MB.

    Of 2 GB less not even the weights fit, and nobody need ask.
    """
    (entry,) = (entry for entry in all_models(None) if entry.reference == "qwen3-8b")
    taken = best(entry.model, [quant("fp16")], cards(80 * GIB), question()).placed.used
    counted = Mock(side_effect=entry.counted)
    found = best(entry.model, [quant("fp16")], cards(taken + more), question(), counted)
    assert (counted.call_count, found.precise) == (asked, bool(asked))
    assert found.fits is (more >= 0)


def test_where_weights_may_lie_in_ram_no_quant_is_too_large_for_the_card() -> None:
    """No layer on a card of 4 GiB: 16 GB of weights fit the RAM, so that nothing need be lost."""
    (line,) = chosen("4GiB", "llama-3.1-8b", options={"gpu_layers": "0", "ram": 64 * GIB}).models
    assert line.fits
    assert line.weights_bytes > 4 * GIB
    (without,) = chosen("4GiB", "llama-3.1-8b").models
    assert without.weights_bytes < 4 * GIB


def test_of_several_quants_that_are_named_the_best_that_fits_is_taken_whatever_their_order() -> None:
    for names in (["q2_k", "q8_0", "f16"], ["f16", "q8_0", "q2_k"]):
        assert chosen("12GiB", "llama-3.1-8b", quants=names).models[0].quant == "q8_0"
        assert chosen("24GiB", "llama-3.1-8b", quants=names).models[0].quant == "f16"
        assert chosen("6GiB", "llama-3.1-8b", quants=names).models[0].quant == "q2_k"


def test_a_quant_map_changes_a_quant_that_is_named() -> None:
    with pytest.raises(UsageError, match="--quant-map and --sparsity change a quant"):
        fits("24GiB", ["llama-3.1-8b"], quant_map="attn=q8_0")


def test_a_file_that_is_published_in_few_bits_is_taken_before_larger_ones() -> None:
    """gpt-oss in MXFP4: what is offered besides is smaller than that."""
    answer = chosen("80GiB", "gpt-oss-20b")
    published = next(choice for choice in answer.choices if choice.quant == "mxfp4_moe")
    assert all(choice.weights_bytes <= published.weights_bytes for choice in answer.choices)
    # Q8_0 keeps the experts of this model in MXFP4, and is as large to the byte.
    assert [c.quant for c in answer.choices if c.weights_bytes == published.weights_bytes] == ["mxfp4_moe"]
    assert estimate("gpt-oss-20b", ["q8_0"]).estimates[0].weights_bytes == published.weights_bytes


def test_of_quants_of_which_none_fits_the_last_says_what_it_lacks() -> None:
    for device in ("2GiB", "25GiB"):  # not one by its weights, and one that might have
        for names in (["f16", "q2_k"], ["f16", "q4_k_m", "q2_k"], ["f16"]):
            (line,) = chosen(device, "llama-3.1-70b", quants=names).models
            assert (line.quant, line.fits) == (names[-1], False)


def test_of_what_is_refused_the_next_is_asked_and_the_first_refusal_is_told() -> None:
    """vLLM on 64 heads: three ranks are refused whatever the quant."""
    with pytest.raises(LlmscaleError, match="divisible"):
        fits("3x 80GiB", ["qwen3-32b"], quants=["bf16", "fp8"], runtime="vllm", options={"tp": 3})


def test_without_offloading_all_else_that_was_said_stays() -> None:
    for given in ({"ubatch": 256}, {"ubatch": 256, "flash_attn": False}, {}):
        asked = question(options={"gpu_layers": "0", "ram": 64 * GIB, **given})
        assert dict(without_offloading(asked).options) == given


def test_what_is_too_large_by_its_weights_is_not_laid_out_whatever_else_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """But for the last, which says what it lacks; where weights may lie in RAM every one is."""
    asked = Mock(side_effect=choose.answer)
    monkeypatch.setattr(choose, "answer", asked)
    (entry,) = (entry for entry in all_models(None) if entry.reference == "llama-3.1-70b")
    steps = [quant("f16"), quant("q8_0"), quant("q2_k")]
    for options, times in (({}, 1), ({"ubatch": 256}, 1), ({"gpu_layers": "0"}, 3)):
        asked.reset_mock()
        found = best(entry.model, steps, cards(2 * GIB), question(options=options))
        assert asked.call_count == times, options
        assert found.quant.id == "q2_k"


def test_a_model_whose_tensors_are_at_hand_is_asked_about_once() -> None:
    (entry,) = (entry for entry in all_models(None) if entry.reference == "qwen3-0.6b")
    counted = Mock(side_effect=entry.counted)
    found = best(entry.counted(), [quant("fp16")], cards(2 * GIB), question(), counted)
    assert (counted.call_count, found.precise) == (0, True)


def test_a_model_is_asked_about_by_what_was_compiled_for_the_runtime_that_does_the_work() -> None:
    """Ollama's work is llama.cpp's."""
    (entry,) = (entry for entry in all_models(None) if entry.reference == "llama-3.1-8b")
    for runtime, engine, form in (
        *(("llama.cpp", "llama.cpp", "q4_k_m"), ("ollama", "llama.cpp", "q4_k_m"), ("vllm", "vllm", "fp8")),
        *(("sglang", "sglang", "fp8"), ("transformers", "transformers", "fp16")),
    ):
        subject = choose.answer(entry.model, quant(form), cards(80 * GIB), question(runtime=runtime)).subject
        assert isinstance(subject, Summary)
        assert repr(subject.compiled) == repr(compiled(engine, "llama-3.1-8b")), runtime
