"""``train --offload``: what is asked, what is said of the host's memory, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import run

LLAMA = ("llama-3-8b", "--seq", "512")
FULL = (*LLAMA, "--precision", "bf16", "--checkpointing", "full")
INPUTS = 32 * 512 * 4096 * 2
PARAMETERS = 8_030_261_248
#: Norms, which torchao's optimizer moves too: they have 4,096 elements.
TENSORS = 291


def memory(*options: str) -> dict[str, Any]:
    answer = run("train", *options, "-o", "json")
    assert answer.status == 0, answer.err
    found: dict[str, Any] = answer.json()["memory"]
    return found


def test_activations_are_the_inputs_of_layers_that_are_run_again() -> None:
    plain, away = memory(*FULL), memory(*FULL, "--offload", "activations")
    assert (plain["host_bytes"], away["host_bytes"]) == (0, INPUTS)
    assert plain["activations_bytes"] - away["activations_bytes"] == INPUTS
    half = memory(*FULL[:-1], "every:2", "--offload", "activations")
    assert half["host_bytes"] == INPUTS // 2


def test_the_optimizers_states_leave_and_copies_come_besides() -> None:
    plain, away = memory(*FULL), memory(*FULL, "--offload", "optimizer")
    assert (away["optimizer_bytes"], away["gradients_bytes"]) == (0, plain["gradients_bytes"])
    assert away["host_bytes"] == 8 * PARAMETERS + 4 * TENSORS
    assert plain["total_bytes"] - away["total_bytes"] > 0.99 * plain["optimizer_bytes"] - 2**27
    both = memory(*FULL, "--offload", "activations,optimizer")
    assert both["host_bytes"] == away["host_bytes"] + INPUTS
    assert both == memory(*FULL, "--offload", "optimizer", "--offload", "activations")
    assert away["modelled"] == []


def test_adapters_alone_are_moved() -> None:
    away = memory(*FULL, "--method", "lora", "--lora-targets", "all-linear", "--offload", "optimizer")
    added = 20_971_520
    assert away["host_bytes"] == 16 * added + 4 * 2 * 7 * 32


def test_deepspeed_moves_master_gradients_and_moments() -> None:
    away = memory(*LLAMA, "--precision", "deepspeed", "--offload", "optimizer")
    largest = 2 * 128_256 * 4096
    assert (away["weights_bytes"], away["host_bytes"]) == (2 * PARAMETERS, 18 * PARAMETERS + largest)
    assert away["gradients_bytes"] == 10**9 + 2 * largest
    assert "gradients_bytes" in away["modelled"]


@pytest.mark.parametrize(
    ("options", "said", "zh"),
    [
        (("--offload", "activations"), "inputs of layers that are run again, 0.13 GB", "重算各层的输入,0.13 GB"),
        (("--offload", "optimizer"), "64.24 GB of states, and a copy of what is trained", "64.24 GB:优化器状态"),
        (("--offload", "optimizer", "--precision", "deepspeed"), "(ZeRO-Offload)", "(ZeRO-Offload)"),
    ],
)
def test_the_screen_says_what_the_host_holds(options: tuple[str, ...], said: str, zh: str) -> None:
    english, chinese = (run("train", *FULL, *options, "--lang", lang).out for lang in ("en", "zh"))
    assert said in " ".join(english.split())
    assert "".join(zh.split()) in "".join(chinese.split())
    assert any(line.startswith("In the host's memory ") for line in english.splitlines())


def test_what_makes_it_fit_names_the_hosts_memory() -> None:
    asked = ("llama-3-8b", "--method", "full", "--gpu", "a100-80gb")
    ways = run("train", *asked, "-o", "json").json()["fit"]["changes"]
    away = next(way for way in ways if way["host_bytes"])
    assert (away["flags"], away["fits"]) == ("--checkpointing full --offload optimizer", "yes")
    made = run("train", *asked, *away["flags"].split(), "-o", "json").json()
    assert made["fit"]["used_bytes"] == away["used_bytes"]
    assert made["memory"]["host_bytes"] == away["host_bytes"] == 16 * PARAMETERS + 4 * TENSORS
    assert "119.66" in run("train", *asked).out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--offload", "weights"), "--offload weights is not known"),
        (("--offload", "params"), "--offload params is not known"),
        (("--offload", ""), "is not known"),
        (("--offload", "activations"), "with --checkpointing none there is nothing to send"),
        (("--offload", "activations", "--checkpointing", "selective"), "there is nothing to send"),
        (("--offload", "optimizer", "--optimizer", "adamw-8bit"), "steps on the device, by kernels of bitsandbytes"),
    ],
)
def test_what_nothing_offloads_is_a_usage_error(options: tuple[str, ...], said: str) -> None:
    answer = run("train", *LLAMA, *options)
    assert (answer.status, answer.out) == (2, "")
    assert said in answer.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--offload", "optimizer", "--precision", "megatron"), "with --precision megatron is not modelled"),
        (("--offload", "optimizer", "--precision", "deepspeed", "--optimizer", "sgd"), "with adam and adamw"),
        (("--offload", "optimizer", "--precision", "deepspeed", "--method", "lora"), "of a model's own tensors"),
        (("--offload", "optimizer", "--objective", "ppo"), "which trains a second model"),
        (
            ("--offload", "optimizer", "--gpu", "8x h100", "--zero", "2"),
            "--offload optimizer is modelled on one device",
        ),
    ],
)
def test_what_is_not_modelled_is_refused_in_words(options: tuple[str, ...], said: str) -> None:
    answer = run("train", *LLAMA, *options)
    assert (answer.status, answer.out) == (4, "")
    assert said in " ".join(answer.err.split())


def test_a_class_that_gives_masks_by_place_has_no_peaks_so() -> None:
    found = run("train", "gpt2", "--checkpointing", "full", "--offload", "activations", "-o", "json").json()
    assert found["peaks"] is None
    assert any("--offload activations of model type 'gpt2'" in told for told in found["warnings"])
