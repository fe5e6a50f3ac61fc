"""What an objective holds beside the model that is trained, by the command line."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import run

LLAMA, HEAD, HIDDEN = 8_030_261_248, 128_256 * 4096, 4096
ASKED = ("train", "llama-3-8b", "--precision", "bf16")


def asked(*options: str) -> Any:
    return run(*ASKED, *options, "-o", "json").json()


def weights(*options: str) -> int:
    return int(asked(*options)["memory"]["weights_bytes"])


@pytest.mark.parametrize(
    ("options", "copies"),
    [
        (("--objective", "dpo"), 1),
        (("--objective", "dpo", "--precompute-ref"), 0),
        (("--objective", "kto"), 1),
        (("--objective", "kto", "--precompute-ref"), 0),
        (("--objective", "orpo"), 0),
        (("--objective", "grpo"), 0),
        (("--objective", "grpo", "--kl"), 1),
        (("--objective", "grpo", "--kl", "--method", "lora"), 0),
        (("--objective", "kto", "--method", "lora"), 0),
    ],
)
def test_a_reference_is_there_where_its_trainer_has_one(options: tuple[str, ...], copies: int) -> None:
    plain = weights(*options[options.index("--method") :]) if "--method" in options else weights()
    assert weights(*options) - plain == copies * 2 * LLAMA


def test_ppo_has_two_more_models_and_one_of_them_is_trained_whole() -> None:
    plain, found = (asked("--method", "lora", *more)["memory"] for more in ((), ("--objective", "ppo")))
    scored = LLAMA - HEAD + HIDDEN
    assert found["weights_bytes"] - plain["weights_bytes"] == 2 * 2 * scored
    assert found["gradients_bytes"] - plain["gradients_bytes"] == 2 * scored
    assert found["optimizer_bytes"] - plain["optimizer_bytes"] == pytest.approx(4 * scored, rel=1e-4)
    assert found["total_bytes"] is None
    assert found["states_bytes"] == sum(found[f"{part}_bytes"] for part in ("weights", "gradients", "optimizer"))


def test_a_head_that_is_the_embedding_stays_with_it() -> None:
    tied = ("train", "qwen3-0.6b", "--precision", "bf16", "-o", "json")
    plain, found = (run(*tied, *more).json()["memory"] for more in ((), ("--objective", "ppo")))
    model = 596_049_920
    assert found["weights_bytes"] - plain["weights_bytes"] == 2 * model + 2 * 2 * (model + 1024)


def test_answers_alone_are_scored_and_two_sequences_counted() -> None:
    all_tokens, few = (asked("--objective", "dpo", *more) for more in ((), ("--completion", "256")))
    assert few["memory"]["activations_bytes"] < all_tokens["memory"]["activations_bytes"]
    assert few["flops"]["micro_batch"] == 2
    assert asked("--objective", "grpo")["flops"]["micro_batch"] == 1


@pytest.mark.parametrize(
    ("options", "said", "chinese"),
    [
        (("--objective", "grpo"), "TRL's beta is 0 unless given (--kl: one)", "beta 默认为 0"),
        (("--objective", "grpo"), "vLLM on the same card takes 0.3 of it besides", "另占该卡的 0.3"),
        (
            ("--objective", "orpo"),
            "ORPO: chosen and rejected are two sequences of one step; no reference.",
            "没有参考模型",
        ),
        (("--objective", "kto"), "by tiles, of answers alone (--completion)", "只算回答部分"),
        (("--objective", "ppo"), "a value model that is trained whole", "整体训练的价值模型"),
    ],
)
def test_what_stands_beside_is_said(options: tuple[str, ...], said: str, chinese: str) -> None:
    assert said in " ".join(run(*ASKED, *options, "--width", "200").out.split())
    assert chinese in run(*ASKED, *options, "--lang", "zh", "--width", "200").out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--objective", "rlhf"), "One of: sft, dpo, kto, orpo, grpo, ppo"),
        (("--objective", "orpo", "--precompute-ref"), "ORPO has nothing to compute before"),
        (("--objective", "grpo", "--precompute-ref"), "GRPO has nothing to compute before"),
        (("--objective", "dpo", "--kl"), "--kl: DPO has no such choice"),
        (("--completion", "10"), "--loss logits makes logits of every token"),
        (("--loss", "trl", "--completion", "4096", "--seq", "512"), "as many tokens as a sequence has"),
        (("--loss", "trl", "--completion", "x"), "--completion 'x' is not a number of tokens"),
    ],
)
def test_an_objective_that_cannot_be_is_one_message(options: tuple[str, ...], said: str) -> None:
    answer = run(*ASKED, *options)
    assert (answer.status, answer.out) == (2, "")
    assert said in answer.err


def test_autocast_scores_by_tiles_too() -> None:
    found = run("train", "llama-3-8b", "--objective", "dpo", "-o", "json").json()
    assert found["precision"] == "amp"
    assert found["peaks"] is not None


def test_a_reference_runs_forward_whether_or_not_it_is_apart() -> None:
    plain = asked("--objective", "dpo", "--precompute-ref")["flops"]
    whole, lora = (asked("--objective", "dpo", *more)["flops"] for more in ((), ("--method", "lora")))
    assert plain["reference"] == 0
    assert whole["reference"] == lora["reference"] == plain["forward"]
    assert "Reference, forward" in run("train", "llama-3.2-1b", "--objective", "kto").out
    assert "参考模型前向" in run("train", "llama-3.2-1b", "--objective", "kto", "--lang", "zh").out
