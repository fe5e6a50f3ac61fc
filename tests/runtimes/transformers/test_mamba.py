"""State-space layers without their kernels: what the scan of a prompt holds, and what stays."""

from __future__ import annotations

import pytest

from llmscale.model.spec import ModelSpec
from llmscale.runtimes.transformers.forward import is_traced, settled, simulate
from llmscale.runtimes.transformers.ops import Step
from llmscale.runtimes.transformers.tape import Tape
from llmscale.sources.registry import load


def model(name: str) -> ModelSpec:
    return load(name).known()


def prompt(spec: ModelSpec, tokens: int, batch: int = 1) -> Tape:
    return simulate(spec, Step(batch, tokens, 0, 2))


def test_mamba_holds_the_state_of_every_token_three_times_in_fp32() -> None:
    inner, state = 1536, 16
    whole = [
        buffer for buffer in prompt(model("mamba-130m"), 1024, 2).moment if buffer.elements == 2 * 1024 * inner * state
    ]
    assert {buffer.name for buffer in whole} == {"discrete A", "discrete B", "discrete B times input"}
    assert {buffer.width for buffer in whole} == {4}


def test_mamba_2_holds_the_pairs_of_each_chunk_three_times() -> None:
    heads, chunk = 80, 256
    spec = model("mamba2-2.7b")
    pairs = [buffer for buffer in prompt(spec, 1024).moment if buffer.elements == 1024 * heads * chunk]
    assert {buffer.name for buffer in pairs} == {"decay of pairs", "products of pairs", "decayed products of pairs"}
    # A chunk that is begun is a whole one.
    one, begun, whole = (prompt(spec, tokens).peak for tokens in (1024, 1025, 1280))
    assert begun - one > 0.7 * (whole - one)


def test_nemotron_scans_half_as_many_tokens_at_once() -> None:
    pairs = [buffer for buffer in prompt(model("nemotron-h-8b"), 1024).moment if "of pairs" in buffer.name]
    assert {buffer.elements for buffer in pairs} == {1024 * 128 * 128}


def test_the_states_stay_and_do_not_grow() -> None:
    spec = model("mamba-130m")
    state = 24 * 1536 * (4 * 2 + 16 * 4)
    assert settled(spec, Step(1, 64, 0, 2)) == settled(spec, Step(1, 6400, 0, 2)) == state
    assert settled(spec, Step(3, 64, 0, 2)) == 3 * state


def test_a_token_after_the_prompt_scans_nothing() -> None:
    spec = model("mamba-2.8b")
    answer = simulate(spec, Step(1, 1, 4095, 2)).peak
    assert answer < prompt(spec, 4096).peak / 50
    assert answer == pytest.approx(settled(spec, Step(1, 1, 4095, 2)), rel=0.15)


@pytest.mark.parametrize(
    "name",
    [
        "mamba2-2.7b",
        "falcon-mamba-7b",
        "jamba-v0.1",
        "bamba-9b",
        "falcon-h1-7b",
        "granite-4.0-h-tiny",
        "nemotron-nano-9b-v2",
        "recurrentgemma-9b",
    ],
)
def test_families_with_such_layers_are_traced(name: str) -> None:
    spec = model(name)
    assert is_traced(spec)
    assert prompt(spec, 300).peak < prompt(spec, 3000).peak < prompt(spec, 3000, 2).peak


def test_attention_beside_mamba_2_keeps_its_cache() -> None:
    spec = model("falcon-h1-0.5b")
    per_token = 36 * 2 * 2 * 64 * 2
    assert settled(spec, Step(1, 1000, 0, 2)) - settled(spec, Step(1, 600, 0, 2)) == 400 * per_token
