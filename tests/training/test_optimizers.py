"""Bytes of optimizer states, held against the real classes."""

from __future__ import annotations

import json

import pytest

from llmscale.training.methods import ALL_LINEAR, MethodChoice, trained
from llmscale.training.optimizers import OPTIMIZERS, Tensors, state_bytes
from tests.helpers import TRUTH
from tests.training.test_methods import spec_of

ROWS = json.loads((TRUTH / "training_optimizers.json").read_text())["rows"]


@pytest.mark.parametrize(("model", "dtype", "optimizer", "rank", "expected"), ROWS)
def test_states_are_those_of_the_real_class(model: str, dtype: str, optimizer: str, rank: int, expected: int) -> None:
    found = trained(spec_of(model), MethodChoice("lora", rank, (ALL_LINEAR,)) if rank else MethodChoice())
    element = 4 if dtype == "fp32" or rank else 2  # peft makes adapters of a 16-bit model in fp32
    tensors = [Tensors(shape, copies, element) for shape, copies in (*found.added, *found.own)]
    assert state_bytes(optimizer, tensors) == expected


def test_eight_bit_states_of_a_small_tensor_are_fp32() -> None:
    tables = 2 * 256 * 4
    assert state_bytes("adamw-8bit", [Tensors((4095,), 1, 2)]) == tables + 2 * 4095 * 4
    assert state_bytes("adamw-8bit", [Tensors((4096,), 1, 2)]) == tables + 2 * (4096 + 16 * 4)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_more_tensors_never_keep_less(optimizer: str) -> None:
    one, two = ([Tensors((64, 128), copies, 4)] for copies in (1, 2))
    assert state_bytes(optimizer, two) >= state_bytes(optimizer, one)


def test_muon_keeps_one_moment_of_matrices_and_steps_them_one_by_one() -> None:
    """Of a 300 x 500 matrix in 32 and in 16 bits, torch 2.13.0's class took 1,560,000 and 1,260,000 bytes."""
    chosen = OPTIMIZERS["muon"]
    for element, state, most in ((4, 600_000, 1_560_000), (2, 300_000, 1_260_000)):
        tensors = [Tensors((300, 500), 1, element), Tensors((700,), 1, element)]
        assert state_bytes("muon", tensors) == state + 2 * 700 * element + 4
        assert chosen.step is not None
        assert chosen.step(tensors) == most
        assert chosen.step(tensors[1:]) == 0


def test_ademamix_keeps_three_states() -> None:
    tensors = [Tensors((64, 100), 1, 2), Tensors((100,), 1, 2)]
    assert state_bytes("ademamix", tensors) == 3 * 4 * 6500
    assert state_bytes("ademamix-8bit", tensors) == 3 * (6400 + 25 * 4) + 3 * 4 * 100 + 2 * 1024
