"""What ran is not called impossible; the fullest device of torchtitan's rows."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from llmscale.model.inventory import inventory
from llmscale.runtimes.placed import Verdict
from llmscale.sources.registry import load
from llmscale.training.parallel.layout import Batch, Layout, broken
from llmscale.training.parallel.memory import fullest
from llmscale.training.parallel.sizes import sizes as sizes_of
from tests.training.parallel.rows import MEGATRON, ROWS, batch, budget, each, layout, model

GIB = 2**30


def test_no_layout_that_ran_is_called_impossible() -> None:
    verdicts = Counter(fullest(model(row), layout(row), batch(row), each(row), budget(row)).verdict for row in ROWS)
    assert verdicts[Verdict.NO] == 0
    assert verdicts[Verdict.YES] > 100


def test_no_layout_that_ran_breaks_a_constraint() -> None:
    nodes = {"gb200": 72, "gb300": 72}
    assert {broken(model(row), layout(row), batch(row), nodes.get(row["device"], 8)) for row in ROWS} == {""}


def test_the_fullest_device_of_pipelines_that_divide_weights_is_within_a_third() -> None:
    rows = [row for row in ROWS if "gib" in row]
    ratios = [
        fullest(model(row), layout(row), batch(row), each(row), budget(row)).used / GIB / row["gib"] for row in rows
    ]
    assert len(ratios) == 6
    assert all(0.65 < ratio < 1.05 for ratio in ratios)


def row_of(name: str) -> dict[str, object]:
    return next(row for row in ROWS if row.get("model") == name)


@pytest.mark.parametrize(
    ("change", "part"), [({"tp": 2}, "weights"), ({"pp": 2}, "gradients"), ({"cp": 2}, "activations")]
)
def test_each_way_to_cut_takes_less_of_a_device(change: dict[str, Any], part: str) -> None:
    sizes, step = model(row_of("llama-3-70b")), Batch(8192, 64)
    none: dict[str, Any] = {}
    whole, cut = (
        {
            each.kind: each.size.value
            for each in fullest(sizes, Layout(8, zero=1)._replace(**degrees), step, MEGATRON, GIB).parts
        }
        for degrees in (none, change)
    )
    assert 0.4 * whole[part] < cut[part] < 0.62 * whole[part]


def test_each_stage_divides_one_thing_more() -> None:
    sizes, step = model(row_of("llama-3-70b")), Batch(8192, 64)
    parts = [
        {each.kind: each.size.value for each in fullest(sizes, Layout(8, zero=stage), step, MEGATRON, GIB).parts}
        for stage in range(4)
    ]
    for stage, kind in ((1, "optimizer"), (2, "gradients"), (3, "weights")):
        assert parts[stage][kind] == pytest.approx(parts[stage - 1][kind] / 8, rel=1e-6)
        assert parts[stage - 1][kind] == parts[0][kind]


def test_experts_lie_on_as_many_devices_as_they_are_divided_over() -> None:
    sizes, step = model(row_of("qwen3-30b-a3b")), Batch(4096, 512)
    whole, cut = (fullest(sizes, Layout(8, ep=ep, zero=1), step, MEGATRON, GIB).parts[0].size.value for ep in (1, 8))
    assert whole - cut == pytest.approx(2 * sizes.routed * 7 / 8, rel=1e-6)


def test_an_interleaved_pipeline_holds_more_of_its_first_stage() -> None:
    sizes, step = model(row_of("llama-3-70b")), Batch(8192, 64)
    plain, interleaved = (
        fullest(sizes, Layout(2, tp=4, pp=4, vp=vp, zero=1), step, MEGATRON, GIB).used for vp in (1, 5)
    )
    assert plain < interleaved < 1.2 * plain


@pytest.mark.parametrize("name", ["qwen3-0.6b", "gemma-2-9b", "llama-3.1-8b"])
def test_a_tied_table_lies_once_where_both_ends_are_and_on_each_of_two_stages(name: str) -> None:
    """2 bytes a parameter: 596,049,920 of Qwen3-0.6B on one device; of two stages each has half the layers, and it."""
    spec = load(name).known()
    of, step, total = sizes_of(spec), Batch(2048, 8), inventory(spec).total()
    alone, staged = (
        next(part.size.value for part in fullest(of, lay, step, MEGATRON, GIB).parts if part.kind == "weights")
        for lay in (Layout(1), Layout(1, pp=2))
    )
    assert of.total == total
    assert alone == 2 * total
    assert 0 <= staged - (of.dense + 2 * min(of.first, of.last)) < 20_000
