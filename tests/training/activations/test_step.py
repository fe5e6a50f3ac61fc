"""What a step keeps and where it is most, held against the real classes; and what must hold of any step."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmscale.model.inventory import inventory
from llmscale.model.spec import ModelSpec
from llmscale.training.activations.ops import Setting
from llmscale.training.activations.step import missing, passes
from llmscale.training.experts import wanted_parts
from llmscale.training.methods import MethodChoice, adapted_modules
from llmscale.training.modules import in_checkpoint
from tests.helpers import TRUTH
from tests.training.test_methods import spec_of

ROWS = json.loads((TRUTH / "training_activations.json").read_text())["rows"]
WIDTHS = {"bf16": 2, "fp32": 4, "amp": 4}


def shortened(spec: ModelSpec, layers: int) -> ModelSpec:
    """The model with its first `layers` layers; 0 for all."""
    if not layers:
        return spec
    placed = tuple(p._replace(layers=tuple(n for n in p.layers if n < layers)) for p in spec.placed)
    whole = tuple(p for p, before in zip(placed, spec.placed, strict=True) if p.layers or not before.layers)
    return replace(spec, layers=layers, placed=whole)


def setting_of(spec: ModelSpec, row: list[Any]) -> Setting:
    _, _, batch, seq, precision, attn, _, padded, rank, targets, adapter, *_ = row
    names = () if targets == "default" else tuple(targets.split(","))
    chosen = adapted_modules(spec, MethodChoice("lora", rank, names))[0] if rank else []
    adapted = in_checkpoint(spec, chosen)
    wide = 4 if adapter == "fp32" else 2
    amp = precision == "amp"
    eager = attn == "eager"
    experts = wanted_parts(spec, names) if rank else frozenset()
    return Setting(
        batch,
        spec.sequence or seq,
        WIDTHS[precision],
        not rank,
        adapted,
        rank,
        wide,
        eager,
        masked=padded,
        autocast=amp,
        experts=experts,
    )


MODELLED = [row for row in ROWS if not missing(spec_of(row[0]))]


def test_most_of_the_record_is_modelled() -> None:
    assert len(MODELLED) > 180
    assert {"llama-2-7b", "qwen3-0.6b", "gemma-3-270m", "phi-4", "gpt2", "starcoder2-7b", "mixtral-8x7b"} <= {
        r[0] for r in MODELLED
    }


@pytest.mark.parametrize("row", MODELLED, ids=lambda row: "-".join(str(each) for each in row[:11]))
def test_a_step_holds_what_the_real_class_holds(row: list[Any]) -> None:
    spec = shortened(spec_of(row[0]), row[1])
    setting = setting_of(spec, row)
    found = passes(spec, setting, row[6] == "full")
    kept, forward, backward, gradients = row[11:15]
    assert found.kept == pytest.approx(kept, rel=1e-3)
    assert found.forward == pytest.approx(forward, rel=0.015)
    assert found.backward == pytest.approx(backward, rel=0.015)
    assert found.gradients == gradients


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(1, 300), st.booleans(), st.booleans())
def test_more_tokens_never_hold_less_and_checkpoints_never_keep_more(
    batch: int, seq: int, eager: bool, trains: bool
) -> None:
    spec = shortened(spec_of("qwen3-0.6b"), 2)
    setting = Setting(batch, seq, 2, trains, eager=eager)
    plain, longer = (passes(spec, each, checkpointing=False) for each in (setting, setting._replace(seq=seq + 64)))
    assert all(one <= other for one, other in zip(plain, longer, strict=True))
    assert plain.kept <= plain.forward
    if trains:
        assert passes(spec, setting, checkpointing=True).kept < plain.kept
        assert plain.gradients == 2 * inventory(spec).total()
