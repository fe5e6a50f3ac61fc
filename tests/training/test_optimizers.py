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
