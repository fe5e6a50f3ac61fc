"""FLOPs of a step, held against ``torch.utils.flop_counter`` over the real classes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmscale.model.families import from_config
from llmscale.training.flops.products import Training
from llmscale.training.flops.step import Flops, Step, flops, six_nd, uncounted
from llmscale.training.flops.taking_part import taking_part
from llmscale.training.methods import MethodChoice
from tests.helpers import TRUTH, good, tiny_spec

ROWS = json.loads((TRUTH / "training_flops.json").read_text(encoding="utf-8"))["rows"]


def counted(row: dict[str, Any]) -> Flops:
    config = json.loads((TRUTH / "configs" / row["config"]).read_text(encoding="utf-8"))
    spec = from_config({**config, **row["changes"]}, row["config"])
    choice, lora = MethodChoice(), row.get("lora")
    if lora:
        names = lora["target_modules"]
        choice = MethodChoice("lora", lora["r"], (names,) if isinstance(names, str) else tuple(names))
    how = taking_part(spec, choice)
    assert how is not None
    assert not uncounted(spec)
    step = Step(row["batch"], row["seq"], row["attn"] == "sdpa", row["checkpointing"], bool(lora))
    return flops(spec, step, how)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['config']} {row['attn']} {row['checkpointing']}")
def test_flops_are_those_that_torch_counts(row: dict[str, Any]) -> None:
    found = counted(row)
    assert (found.forward, found.backward) == (row["forward"], row["backward"])


def full(name: str, layer: int) -> Training:
    return Training(True)


def test_causal_halves_attention_and_nothing_else() -> None:
    spec = tiny_spec()
    square, causal = (flops(spec, Step(1, 256, flash=False, causal=each), full) for each in (False, True))
    doubled = flops(spec, Step(2, 128, flash=False), full)  # as many tokens, half the square
    assert causal.forward == doubled.forward < square.forward
    assert causal.backward == doubled.backward


def test_a_frozen_model_costs_about_half_the_backward() -> None:
    spec = tiny_spec()
    how = taking_part(spec, MethodChoice("lora", 1, ("down_proj",)))
    assert how is not None
    lora, whole = flops(spec, Step(1, 64), how), flops(spec, Step(1, 64), full)
    assert lora.backward < 0.6 * whole.backward


@pytest.mark.parametrize(("last", "again", "backward"), [(1, False, 137_438_953_472), (2, True, 507_074_576_384)])
def test_layers_that_are_trained_alone_cost_what_torch_counts(last: int, again: bool, backward: int) -> None:
    """Of Llama 2 7B with four layers, its class of transformers 5.24.0 under torch's counter."""
    config = json.loads((TRUTH / "configs" / "llama-2-7b.json").read_text(encoding="utf-8"))
    spec = from_config({**config, "num_hidden_layers": 4}, "a test")
    how = taking_part(spec, MethodChoice("freeze", last=last))
    assert how is not None
    found = flops(spec, Step(2, 64, flash=False, checkpointing=again, adapters=True), how)
    assert (found.forward, found.backward) == (241_323_474_944, backward)


def test_blocks_with_states_are_not_counted() -> None:
    config = json.loads((TRUTH / "configs" / "mamba-1.4b.json").read_text(encoding="utf-8"))
    assert uncounted(from_config(config, "a test")) == "Mamba"


def test_adapters_of_fused_experts_are_not_counted() -> None:
    config = json.loads((TRUTH / "configs" / "mixtral-8x7b.json").read_text(encoding="utf-8"))
    spec = from_config(config, "a test")
    assert taking_part(spec, MethodChoice("lora", 8, ("all-linear",))) is None
    assert six_nd(spec, 10, active=True) < six_nd(spec, 10, active=False)


def of_bert(method: str) -> dict[str, Any]:
    found: dict[str, Any] = good("train", "bert-base", "--method", method, "-o", "json").json()["flops"]
    return found


def test_where_only_biases_are_trained_no_matrix_has_a_gradient() -> None:
    full, biases = of_bert("full"), of_bert("bitfit")
    layers = 12 * (4 * 768**2 + 2 * 768 * 3072)
    pooler = 768**2  # of the first token alone
    assert full["forward"] == biases["forward"]
    assert full["backward"] - biases["backward"] == 2 * (512 * layers + pooler)


def test_attention_by_relative_positions_is_not_counted() -> None:
    found = good("train", "deberta-v3-base", "-o", "json").json()["flops"]
    assert (found["forward"], found["backward"]) == (None, None)
    assert found["six_nd"] > 0
