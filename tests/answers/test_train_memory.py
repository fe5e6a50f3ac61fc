"""What a step holds, by the sums that its own parts make; and from where on something is worth a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.answers.results.train import TrainResult
from llmscale.answers.train import MOST_RANK, train
from llmscale.answers.train_fit import largest
from llmscale.answers.train_memory import LARGEST_SEQUENCE, USUAL_MEMORY, MemoryAsked, sequence_of
from llmscale.errors import UsageError
from tests.helpers import tiny_spec

MODEL = "qwen3-0.6b"
VOCABULARY = 151_936


def of(model: str = MODEL, method: str = "", memory: MemoryAsked = USUAL_MEMORY, **asked: Any) -> TrainResult:
    return train(model, method=method, memory=memory, **asked)


def codes(found: TrainResult) -> dict[str, dict[str, Any]]:
    return {note.code: dict(note.values) for note in found.notes}


@pytest.mark.parametrize("precision", ["fp32", "amp", "bf16"])
@pytest.mark.parametrize("memory", [MemoryAsked(64), MemoryAsked(4096, 4), MemoryAsked(4096, 4, "full")])
def test_the_most_in_a_step_is_the_largest_of_its_three_moments(precision: str, memory: MemoryAsked) -> None:
    found = of(precision=precision, memory=memory)
    held, peaks = found.memory, found.peaks
    assert peaks is not None
    assert held.activations_bytes is not None
    forward, backward = peaks.forward_bytes - held.weights_bytes, peaks.backward_bytes - held.weights_bytes
    step = peaks.step_bytes - held.weights_bytes - held.optimizer_bytes
    assert held.total_bytes == held.weights_bytes + held.optimizer_bytes + max(forward, backward, step)
    assert step >= held.gradients_bytes
    assert max(forward, backward) >= held.activations_bytes
    assert held.temporary_bytes == max(forward, backward, step) - max(held.gradients_bytes, held.activations_bytes)
    moments = {"forward": peaks.forward_bytes, "backward": peaks.backward_bytes, "step": peaks.step_bytes}
    assert moments[peaks.moment] == max(moments.values())


@pytest.mark.parametrize("memory", [MemoryAsked(size, rows) for size in (16, 256, 1024, 8192) for rows in (1, 4)])
@pytest.mark.parametrize("checkpointing", ["none", "full"])
def test_logits_are_worth_a_sentence_from_a_tenth_of_all(memory: MemoryAsked, checkpointing: str) -> None:
    found = of(precision="bf16", memory=memory._replace(checkpointing=checkpointing))
    copy = 4 * VOCABULARY * (memory.sequence or 0) * memory.micro_batch
    said = codes(found).get("logits")
    assert (said is not None) == (copy > (found.memory.total_bytes or 0) / 10)
    assert said is None or said == {"tokens": (memory.sequence or 0) * memory.micro_batch, "size": copy}


@pytest.mark.parametrize("sequence", [16, 64, 512, 4096])
@pytest.mark.parametrize("method", ["full", "lora"])
def test_activations_are_worth_a_sentence_where_they_are_most_of_it(sequence: int, method: str) -> None:
    memory = MemoryAsked(sequence)
    found = of(method=method, precision="bf16", memory=memory)
    share = (found.memory.activations_bytes or 0) / (found.memory.total_bytes or 1)
    said = codes(found).get("mostly_activations")
    assert (said is not None) == (method == "lora" and share > 0.6)
    assert said is None or said["share"] == pytest.approx(share)
    again = of(method=method, precision="bf16", memory=memory._replace(checkpointing="full"))
    assert "mostly_activations" not in codes(again)


def test_two_sequences_of_a_preference_are_two_rows() -> None:
    assert (MemoryAsked(micro_batch=3).rows, MemoryAsked(micro_batch=3, objective="dpo").rows) == (3, 6)


@pytest.mark.parametrize(
    ("asked", "limit", "tokens"), [(None, 512, 512), (None, 8192, 2048), (None, None, 2048), (9, 8, 9)]
)
def test_a_sequence_is_as_asked_the_usual_or_the_models_limit(
    asked: int | None, limit: int | None, tokens: int
) -> None:
    assert sequence_of(tiny_spec(max_position_embeddings=limit), MemoryAsked(asked)) == tokens


def test_a_sequence_beyond_the_models_limit_is_said_from_the_first_token_on() -> None:
    limit = 40_960
    assert "context_beyond_limit" not in codes(of(memory=MemoryAsked(limit)))
    said = codes(of(memory=MemoryAsked(limit + 1)))["context_beyond_limit"]
    assert said == {"context": limit + 1, "limit": limit}


def test_a_rank_above_the_width_is_said_from_the_first_one_on() -> None:
    widest = codes(of(method="lora", lora_rank=99_999))["rank_above_width"]["width"]
    assert "rank_above_width" not in codes(of(method="lora", lora_rank=widest))
    assert codes(of(method="lora", lora_rank=widest + 1))["rank_above_width"] == {"rank": widest + 1, "width": widest}


def test_adapters_of_a_model_in_sixteen_bits_are_said_to_be_in_fp32() -> None:
    assert "adapters_in_fp32" in codes(of(method="lora", precision="bf16"))
    assert "adapters_in_fp32" not in codes(of(method="lora", precision="fp32"))
    assert "adapters_in_fp32" not in codes(of(method="lora", precision="bf16", memory=MemoryAsked(adapter="bf16")))
    assert "adapters_in_fp32" not in codes(of(method="full", precision="bf16"))


def test_the_largest_number_that_fits_is_found_whatever_it_is() -> None:
    for real in range(40):
        for most in range(1, 40):
            asked: list[int] = []

            def fits(number: int, real: int = real, asked: list[int] = asked) -> bool:
                asked.append(number)
                return number <= real

            assert largest(most, fits) == min(most, real), (most, real)
            assert max(asked) <= most


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"method": "lora", "lora_rank": MOST_RANK + 1}, "more than any layer is wide"),
        ({"method": "lora", "lora_rank": 0}, "at least 1"),
        ({"method": "prompt", "virtual_tokens": 0}, "at least 1"),
        ({"method": "prompt", "virtual_tokens": LARGEST_SEQUENCE + 1}, "more than any sequence has"),
    ],
)
def test_numbers_of_an_adapter_have_ends(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        of(**asked)
    nearest = {
        "lora_rank": {0: 1, MOST_RANK + 1: MOST_RANK},
        "virtual_tokens": {0: 1, LARGEST_SEQUENCE + 1: LARGEST_SEQUENCE},
    }
    (key,) = asked.keys() - {"method"}
    assert of(**{**asked, key: nearest[key][asked[key]]}).trainable_parameters > 0


def test_why_activations_are_not_modelled_is_said_by_the_option_that_does_it() -> None:
    def why(model: str = "llama-3.2-1b", **asked: Any) -> str:
        found = of(model, **asked)
        assert found.peaks is None
        assert found.memory.total_bytes is None
        return str(codes(found)["activations_not_modelled"]["what"])

    cut = MemoryAsked(loss="cut")
    assert why(precision="amp", memory=cut) == "--loss cut under autocast"
    assert why("bert-base", precision="bf16") == "a 'bert' without a head"
    assert why(method="ia3") == "--method ia3"
    assert why(precision="megatron") == "--precision megatron"
    assert why(method="lora", modules_to_save="lm_head") == "--modules-to-save"
    assert why(method="lora", lora_bias="all") == "--lora-bias"
    assert why(method="dora", precision="amp") == "--precision amp with dora"
    assert of("llama-3.2-1b", precision="bf16", memory=cut).peaks is not None


def test_experts_with_adapters_are_summed_in_as_many_matrices_as_are_adapted() -> None:
    """Mixtral: 8 experts of 4,096 by 14,336 a layer; gate and up are one of two, down is one."""
    for targets, matrices in (("w1,w3", 2), ("w2", 1), ("w1,w2,w3", 3), ("all-linear", 3)):
        found = codes(of("mixtral-8x7b", "lora", MemoryAsked(128), precision="bf16", lora_targets=targets))
        assert found["experts_summed"]["size"] == 2 * 8 * matrices * 4096 * 14_336, targets
    for more in ({"lora_targets": "q_proj"}, {"lora_targets": "w2", "memory": MemoryAsked(128, 1, "full")}):
        asked: dict[str, Any] = {"memory": MemoryAsked(128)} | more
        assert "experts_summed" not in codes(of("mixtral-8x7b", "lora", precision="bf16", **asked))


def test_why_flops_are_not_counted_is_said_once_and_only_where_they_are_not() -> None:
    assert "flops_not_counted" not in codes(of("llama-3.2-1b"))
    assert "flops_not_counted" not in codes(of("llama-3.2-1b", "lora"))
    assert codes(of("llama-3.2-1b", "ia3"))["flops_not_counted"] == {"what": "ia3"}
    assert "flops_of_text" in codes(of("gemma-3-4b"))
    assert "flops_of_text" not in codes(of("llama-3.2-1b"))


def test_what_an_optimizer_needs_in_its_step_is_held_beside_the_gradients() -> None:
    """A list of denominators as large as the parameters, or of one tensor at a time, or nothing; all in 32 bits."""
    short = MemoryAsked(16)
    found = {name: of(memory=short, precision="fp32", optimizer=name) for name in ("adamw", "adamw-foreach", "sgd")}
    size = 4 * found["adamw"].total_parameters
    for name, more in (("adamw", 0), ("adamw-foreach", size), ("sgd", 0)):
        one = found[name]
        assert one.peaks is not None
        held = one.memory
        assert one.peaks.step_bytes == held.weights_bytes + held.optimizer_bytes + held.gradients_bytes + more, name


def test_an_optimizer_whose_step_nobody_read_has_no_peak() -> None:
    found = of(memory=MemoryAsked(16), precision="fp32", optimizer="rmsprop")
    assert (found.peaks, found.memory.total_bytes) == (None, None)
    assert codes(found)["step_not_modelled"] == {"optimizer": "RMSprop"}
    assert found.memory.activations_bytes
