"""llama.cpp's own figures: caches and states to the byte, compute buffers within the aims, most to the byte too.

The rows are those of tests/truth/llamacpp_measured.json; how each part of it was made is told there.
"""

from __future__ import annotations

import json
from functools import cache
from itertools import chain
from typing import Any

import pytest

from llmscale.runtimes.llama_cpp.facts import ModelFacts
from llmscale.runtimes.llama_cpp.read import facts_of
from llmscale.runtimes.llama_cpp.settings import LlamaCppSettings, Offload
from llmscale.runtimes.llama_cpp.simulator.buffers import Buffers, buffers, refusal
from tests.helpers import TRUTH, spec_as_measured

MEASURED: dict[str, Any] = json.loads((TRUTH / "llamacpp_measured.json").read_text())
#: llama.cpp's log gives some figures in MiB with two decimals.
ROUNDING = 0.005 * 2**20 + 1


@cache
def facts(model: str) -> ModelFacts:
    return facts_of(spec_as_measured(model))


def settings(number: int) -> LlamaCppSettings:
    n_ctx, n_batch, n_ubatch, n_seq, unified, full, flash, type_k, type_v, outputs = MEASURED["settings"][number]
    return LlamaCppSettings(
        n_ctx, n_batch, n_ubatch, n_seq, bool(unified), bool(full), bool(flash), type_k, type_v, outputs
    )


@cache
def predicted(model: str, number: int, devices: int) -> Buffers:
    """As on the backends that were measured, which align as host memory does."""
    return buffers(facts(model), settings(number), Offload(devices, cuda=False))


@pytest.mark.parametrize("model", MEASURED["given"])
def test_every_row_of_the_grid_is_exact(model: str) -> None:
    for number, context, kv, output, *compute in MEASURED["given"][model]:
        found = predicted(model, number, len(compute) - 1)
        assert sum(found.cache) + sum(found.state) == context
        assert abs(sum(found.cache) - kv) <= ROUNDING
        assert abs(found.output - output) <= ROUNDING
        assert list(found.compute) == compute


@pytest.mark.parametrize("model", MEASURED["own"])
def test_every_row_of_every_catalogue_model_is_exact(model: str) -> None:
    assert facts(model).known
    for number, context, *compute in MEASURED["own"][model]:
        found = predicted(model, number, len(compute) - 1)
        assert sum(found.cache) + sum(found.state) == context
        assert list(found.compute) == compute


def test_there_are_enough_rows_to_say_so() -> None:
    buffers_of = [
        (row[4:], row[2:])[part == "own"] for part in ("given", "own") for row in chain(*MEASURED[part].values())
    ]
    assert sum(map(len, buffers_of)) > 8000


@pytest.mark.parametrize(("model", "number"), [(model, number) for model, _, number in MEASURED["refused"]])
def test_what_llama_cpp_refuses_is_refused(model: str, number: int) -> None:
    assert refusal(facts(model), settings(number))


def test_nothing_that_it_took_is_refused() -> None:
    for part in ("given", "own"):
        for model, rows in MEASURED[part].items():
            for row in rows:
                assert refusal(facts(model), settings(row[0])) is None


def placed(row: dict[str, Any]) -> Buffers:
    cut, rows = MEASURED["placed_cut"]
    whole = facts(row["model"])
    small = whole._replace(layers=whole.layers[:cut], vocab=min(whole.vocab, rows))
    asked = settings(row["setting"])._replace(**row["more"])
    return buffers(small, asked, Offload(**row["place"], cuda=False, weights="f32"))


@pytest.mark.parametrize("model", sorted({row["model"] for row in MEASURED["placed"]}))
def test_partial_offload_and_several_devices_are_exact(model: str) -> None:
    """But for one row: a Mamba-2 hybrid whose state is kept on the host while most of its layers are not."""
    missed = 0
    for row in (one for one in MEASURED["placed"] if one["model"] == model):
        found = placed(row)
        assert [kept + state for kept, state in zip(found.cache, found.state, strict=True)] == row["context"]
        if list(found.compute) != row["compute"]:
            missed += 1
            assert "kv_offload" in row["more"]
            assert found.compute == pytest.approx(row["compute"], rel=0.10)
    assert bool(missed) == (model == "granite-4.0-h-tiny")
