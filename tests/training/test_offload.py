"""What goes to the host's memory and what stays: inputs of checkpoints as the real classes send them, and the rest by
sums of what the engines' own code holds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmscale.training.activations.ops import Setting
from llmscale.training.activations.step import Passes, passes, sends_away
from llmscale.training.offload import BUCKET, partitioned, wrapped
from llmscale.training.optimizers import OPTIMIZERS, Tensors
from llmscale.training.precision import PRECISIONS
from tests.helpers import TRUTH
from tests.training.activations.test_step import WIDTHS, shortened
from tests.training.test_methods import spec_of

ROWS = json.loads((TRUTH / "training_offload.json").read_text())["rows"]
#: A matrix twice, and norms that torchao leaves on the device.
TENSORS = [Tensors((64, 64), 2, 2), Tensors((64, 63), 3, 2), Tensors((8,), 5, 2)]
LARGE, SMALL = 2 * 64 * 64, 3 * 64 * 63 + 5 * 8


def found(row: list[Any], away: bool) -> Passes:
    model, layers, batch, seq, precision, every, *_ = row
    spec = shortened(spec_of(model), layers)
    return passes(spec, Setting(batch, seq, WIDTHS[precision], True, autocast=precision == "amp", away=away), every)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(map(str, row[:6])))
def test_a_checkpoints_input_is_the_hosts_as_in_the_real_class(row: list[Any]) -> None:
    here, sent = (found(row, away) for away in (False, True))
    plain, away = row[6:11], row[11:16]
    assert sent.host == away[4] > here.host == plain[4] == 0
    assert sent.kept == pytest.approx(away[0], rel=1e-3)
    assert sent.forward == pytest.approx(away[1], rel=1e-3)
    assert sent.backward == pytest.approx(away[2], rel=2e-3)
    assert here.kept - sent.kept == plain[0] - away[0] == sent.host
    assert here.forward - sent.forward == plain[1] - away[1]
    assert here.gradients == sent.gradients == away[3]


def test_classes_that_give_masks_by_place_are_not_known() -> None:
    sent = {model: sends_away(spec_of(model)) for model in ("llama-3-8b", "gemma-3-270m", "gpt2", "bloom-560m")}
    assert sent == {"llama-3-8b": True, "gemma-3-270m": True, "gpt2": False, "bloom-560m": False}


def test_torchao_copies_weights_and_gradients_and_leaves_small_tensors() -> None:
    moved = wrapped("adamw", TENSORS, 1234)
    assert moved.gradients == 1234
    assert moved.host == 4 * 2 * LARGE + 2 * 4
    assert moved.states == 2 * 2 * SMALL + 8 * 4
    assert moved.stepped == TENSORS[1:]
    assert wrapped("sgd", TENSORS[:1], 0)[:3] == (0, 0, 2 * 2 * LARGE)


def test_zero_offload_holds_eighteen_bytes_a_parameter_and_a_buffer() -> None:
    moved = partitioned(PRECISIONS["deepspeed"], TENSORS)
    assert moved.host == 18 * (LARGE + SMALL) + 2 * 64 * 64
    assert (moved.states, moved.gradients, moved.stepped) == (0, 2 * BUCKET + 2 * 2 * 64 * 64, ())


def test_kernels_of_bitsandbytes_are_named() -> None:
    assert {name for name, each in OPTIMIZERS.items() if each.kernels} == {
        name for name in OPTIMIZERS if "8bit" in name or name in ("lion", "ademamix")
    }
