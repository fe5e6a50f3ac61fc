"""What cannot be meant of a training: one line each, never a traceback; and what is only warned of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers import run, tiny, write_config

MODEL = "llama-3-8b"
RUN = (MODEL, "--gpu", "64x h100", "--tokens", "1T")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((MODEL, "--method", "lora", "--lora-rank", "0"), "a rank is at least 1"),
        ((MODEL, "--method", "lora", "--lora-rank", "-4"), "a rank is at least 1"),
        ((MODEL, "--method", "lora", "--lora-targets", "qproj"), "Target modules qproj are not in"),
        ((MODEL, "--method", "lora", "--lora-rank", "9" * 21), "more than any layer is wide"),
        ((MODEL, "--method", "prefix", "--virtual-tokens", "9" * 20), "more than any sequence has"),
        ((MODEL, "--gpu", "h100", "--tp", "1000"), "--tp 1000: over one device nothing is divided"),
        ((MODEL, "--gpu", "h100", "--count", "1", "--ep", "2"), "--ep 2: over one device nothing is divided"),
        ((MODEL, "--gpu", "h100", "--global-batch=-1"), "--global-batch -1 is no number of tokens"),
        (("10000T",), "no model of about that size can be trained so"),
        ((MODEL, "--checkpointing", "every:0"), "--checkpointing every:0 is not known"),
        ((MODEL, "--checkpointing", "every:two"), "--checkpointing every:two is not known"),
        ((MODEL, "--checkpointing", "every:99999999"), "--checkpointing every:99999999 is not known"),
        ((MODEL, "--checkpointing", "2"), "One of: none, full, selective, every:2"),
        ((MODEL, "--loss", "fast"), "One of: logits, chunked, liger, cut"),
        ((MODEL, "--seq", "abc"), "--seq 'abc' is not a number of tokens"),
        ((MODEL, "--seq", "1e400"), "--seq '1e400' is not a number of tokens"),
        ((MODEL, "--seq", "nan"), "--seq 'nan' is not a number of tokens"),
        ((MODEL, "--seq=-5"), "--seq must lie between"),
        ((MODEL, "--seq", "1e9"), "--seq must lie between"),
        ((MODEL, "--gpu", "2x h100", "--global-batch", "abc"), "--global-batch 'abc' is not a number of tokens"),
        ((MODEL, "--gpu", "2x h100", "--global-batch", "inf"), "--global-batch 'inf' is not a number of tokens"),
        ((MODEL, "--micro-batch", "1e9"), "--micro-batch"),
        ((*RUN, "--mfu", "1.2"), "as 0.4"),
        ((*RUN, "--mfu", "40"), "40 % is 0.4"),
        ((*RUN, "--mfu", "nan"), "--mfu nan"),
        ((*RUN, "--mfu", "inf"), "--mfu inf"),
        ((*RUN, "--price", "inf"), "--price inf"),
        ((*RUN, "--price", "nan"), "--price nan"),
        ((*RUN, "--price", "1e400"), "--price inf"),
        ((*RUN, "--grid", "inf"), "--grid inf"),
        ((*RUN, "--pue", "inf"), "--pue inf"),
        ((*RUN, "--network", "inf"), "--network inf"),
        ((*RUN, "--network", "nan"), "--network nan"),
        ((MODEL, "--gpu", "h100", "--tokens", "inf"), "'inf' is not a --tokens"),
        ((MODEL, "--gpu", "h100", "--tokens", "nan"), "'nan' is not a --tokens"),
        ((MODEL, "--gpu", "h100", "--tokens", "1e400"), "too large for a --tokens"),
        ((MODEL, "--method", "qlora", "--precision", "fp32"), "computes in bf16"),
        (("7B", "--method", "lora", "--lora-targets", "zzz"), "no model of about that size can be trained so"),
    ],
)
def test_what_cannot_be_meant_is_one_message(arguments: tuple[str, ...], said: str) -> None:
    answer = run("train", *arguments)
    assert (answer.status, answer.out) == (2, "")
    assert said in answer.err
    assert "Traceback" not in answer.err
    assert answer.err.count("error:") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--params", "1e400", "--tokens", "1e12"), "too large for a --params"),
        (("--params", "inf", "--tokens", "1e12"), "--params"),
        ((MODEL, "--tokens", "1T", "--flops", "1e24", "--budget", "1M"), "--budget says the compute"),
    ],
)
def test_a_law_that_cannot_be_asked_is_one_message(arguments: tuple[str, ...], said: str) -> None:
    answer = run("scaling", *arguments)
    assert (answer.status, answer.out) == (2, "")
    assert said in answer.err


def test_a_trillion_tokens_of_a_quadrillion_parameters_are_an_answer() -> None:
    assert run("scaling", "--params", "1e15", "--tokens", "1e12").status == 0


def test_a_rank_above_the_width_is_a_warning() -> None:
    answer = run("train", MODEL, "--method", "lora", "--lora-rank", "99999")
    assert answer.status == 0
    assert "Rank 99999 is above 1024" in " ".join(answer.out.split())


def test_a_sequence_beyond_the_limit_is_one_warning() -> None:
    answer = run("train", MODEL, "--seq", "100k")
    assert answer.status == 0
    assert answer.out.count("beyond the model's own limit of 8,192") == 1


def test_a_size_without_a_shape_is_a_range_and_assumed() -> None:
    answer = run("train", "7B", "-o", "json").json()
    low, high = answer["ranges"]["memory.total_bytes"]
    assert (answer["model"]["basis"], answer["model"]["parameters"]) == ("assumed", 7 * 10**9)
    assert 16 * 7e9 < low < high < 20 * 7e9  # BLOOM keeps the scores of each layer
    shown = run("train", "7B")
    assert "Most in any step: ~" in shown.out
    assert "a size without a shape" in shown.out
    exact = run("train", MODEL, "-o", "json").json()
    assert (exact["model"]["basis"], exact["ranges"]) == ("exact", {})


def test_a_size_fits_a_card_by_its_neighbours() -> None:
    found = run("train", "7B", "--method", "qlora", "--checkpointing", "full", "--gpu", "rtx4090", "-o", "json").json()
    assert found["fit"]["fits"] == "yes"


def test_qlora_of_a_packed_file_says_what_base_it_needs(tmp_path: Path) -> None:
    path = write_config(tmp_path, tiny(quantization_config={"quant_method": "awq", "bits": 4, "group_size": 128}))
    answer = run("train", str(path), "--method", "qlora")
    assert (answer.status, answer.out) == (2, "")
    assert "Name the 16-bit model that it was made of" in answer.err


def test_of_a_closed_model_no_memory_is_said() -> None:
    answer = run("train", "gpt-4", "--tokens", "1T", "--gpu", "h100")
    assert (answer.status, answer.out) == (3, "")
    assert "Nobody outside knows the tensors" in answer.err
