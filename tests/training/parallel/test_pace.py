"""Predicted rates beside published ones, and what each term follows from."""

from __future__ import annotations

from statistics import median

import pytest

from llmscale.devices.device import entry
from llmscale.training.parallel.layout import Batch, Layout
from llmscale.training.parallel.pace import ERRORS, Cluster, step
from tests.training.parallel.rows import ROWS, batch, layout, model

H100 = Cluster(989.4e12, 8, 450e9, 50e9)
A100 = Cluster(312e12, 8, 300e9, 25e9)


def ratios() -> list[float]:
    """Ours over theirs, of rows in bf16 on these two."""
    found = []
    for row in ROWS:
        if "rate" in row and row["device"][:4] in ("h100", "a100"):
            cluster = H100 if row["device"].startswith("h100") else A100
            took = step(model(row), layout(row), batch(row), cluster).seconds
            found.append(batch(row).tokens / took / row["gpus"] / row["rate"])
    return found


def test_half_of_the_published_rates_are_as_near_as_it_is_said() -> None:
    errors = sorted(abs(ratio - 1) for ratio in ratios())
    assert len(errors) == ERRORS.rows
    assert median(errors) == pytest.approx(ERRORS.median, abs=0.01)


def test_the_share_of_kernels_is_the_median_of_the_rows() -> None:
    assert median(ratios()) == pytest.approx(1.0, abs=0.03)


def test_the_rates_are_those_of_the_catalogue() -> None:
    assert (entry("h100").fp16_tflops, entry("a100-80gb").fp16_tflops) == (989.4, 312)


@pytest.mark.parametrize(
    ("changed", "term"),
    [
        (Layout(8, tp=2), "tensor"),
        (Layout(1, pp=8, tp=2), "bubble"),
        (Layout(16, zero=3), "products"),
    ],
)
def test_a_way_to_cut_has_its_own_term(changed: Layout, term: str) -> None:
    sizes = model(next(row for row in ROWS if row.get("model") == "llama-3-70b"))
    assert getattr(step(sizes, changed, Batch(8192, 64), H100), term) > 0


def test_running_layers_again_takes_a_third_more_and_interleaving_less_bubble() -> None:
    sizes, work = model(next(row for row in ROWS if row.get("model") == "llama-3-70b")), Batch(8192, 64)
    plain, again = (step(sizes, Layout(16, recompute=run), work, H100).products for run in (False, True))
    assert again == pytest.approx(plain * 4 / 3)
    one, two = (step(sizes, Layout(2, pp=8, vp=vp), work, H100).bubble for vp in (1, 2))
    assert two == pytest.approx(one / 2)


def test_experts_apart_from_each_other_are_sent_over_the_network() -> None:
    sizes = model(next(row for row in ROWS if row.get("model") == "deepseek-v3"))
    near, far = (step(sizes, Layout(64, ep=ep), Batch(4096, 4096), H100).experts for ep in (8, 64))
    assert far > near > 0


def test_keys_and_values_are_hidden_behind_long_scores_alone() -> None:
    sizes = model(next(row for row in ROWS if row.get("model") == "llama-3-70b"))
    slow = H100._replace(network=1e9, link=1e9)
    assert step(sizes, Layout(1, cp=16), Batch(2**20, 16), H100).context == 0
    assert step(sizes, Layout(1, cp=16), Batch(32768, 16), slow).context > 0
