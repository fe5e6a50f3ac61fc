"""The sums behind docs/accuracy.md: what is called exact, what a bound promises, and that a miss is called a miss."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from benchmarks.accuracy import aims, asked, asked_llama_cpp, bounds, llama_cpp, plot, served, speed
from benchmarks.accuracy.page import BEGIN, END, page, put
from benchmarks.accuracy.rows import Comparison, Row, left_out_by, quantile, summary, within

from llmscale import estimate
from llmscale.fit.bounds import percent
from llmscale.units import GIB
from tests.helpers import good

AIM = aims.Aim("a thing", ("a thing",), 0.01, 0.05, (0.9, 0.02))


def row(error: float, name: str = "model", **more: object) -> Row:
    return Row(name, 100 * (1 + error), 100, **more)  # type: ignore[arg-type]


def many(error: float, models: int = 10, each: int = 10) -> list[Row]:
    return [row(error, f"m{model} case {case}") for model in range(models) for case in range(each)]


def test_an_error_is_a_share_of_the_truth_with_its_sign() -> None:
    assert Row("m", 90, 100).error == pytest.approx(-0.1)
    assert Row("m", 110, 100).error == pytest.approx(0.1)
    assert Row("m", 0, 0).error == 0
    assert Row("m", 5, 0).error == 1


def test_what_the_print_rounds_away_is_exact_and_no_more() -> None:
    assert Row("m", 100.4, 100, rounding=0.5).error == 0
    assert Row("m", 100.6, 100, rounding=0.5).error == pytest.approx(0.006)


def test_a_quantile_is_the_least_value_that_enough_rows_keep_to() -> None:
    ranked = [float(number) for number in range(1, 21)]
    assert [quantile(ranked, share) for share in (0.05, 0.5, 0.9, 0.95, 0.951, 1)] == [1, 10, 18, 19, 20, 20]
    assert quantile([3.0], 0.95) == 3


def test_a_summary_counts_exact_rows_and_names_the_worst() -> None:
    s = summary([row(0, "a"), row(-0.3, "b"), row(0.1, "c"), row(0.2, "d")])
    assert (s.rows, s.exact, s.which) == (4, 1, "b")
    assert (s.median, s.worst) == (pytest.approx(0.15), pytest.approx(0.3))
    assert within([row(0), row(0.1), row(-0.2), row(0.3)], 0.2) == 0.75


def test_rows_that_were_seen_bound_nothing_where_others_were_not() -> None:
    both = Comparison("a", "", [row(0, "a", seen=True), row(0.1, "b"), row(9, "c", unusual="older")])
    assert [one.name for one in both.usual()] == ["a", "b"]
    assert [one.name for one in both.unseen()] == ["b"]
    assert [one.name for one in Comparison("a", "", [row(0, "a", seen=True)]).unseen()] == ["a"]


def test_a_bound_holds_95_of_100_rows_of_models_it_does_not_know() -> None:
    steady = bounds.bound(many(0.02))
    assert steady is not None
    assert (steady.within, steady.coverage, steady.widened) == (pytest.approx(0.02), 1, 1)


def test_a_bound_that_misses_a_model_left_out_is_widened_until_it_holds() -> None:
    rows = [row(0.01 * (model + 1), f"m{model} case {case}") for model in range(10) for case in range(10)]
    found = bounds.bound(rows)
    assert found is not None
    # The model that is furthest off has 10 of 100 rows, and all others keep to nine tenths of its error.
    assert found.widened > 1
    assert found.coverage >= 0.95
    assert found.within >= 0.1


def test_rows_are_left_out_by_source_where_there_are_several() -> None:
    named = [row(0, "a", source="x"), row(0, "b", source="x"), row(0, "a", source="y"), row(0, "a", source="z")]
    assert left_out_by(named) == ["x", "x", "y", "z"]
    # Most are of one source, or some of none: by model.
    assert left_out_by(named[:3]) == ["a", "b", "a"]
    assert left_out_by([*named, row(0, "c")]) == ["a", "b", "a", "a", "c"]


def test_a_bound_that_misses_a_source_left_out_is_widened_though_its_models_are_held() -> None:
    """Two sources of the same ten models, of which one is four times as far off."""
    rows = [
        row(error, f"m{model}", source=source) for source, error in (("x", 0.01), ("y", 0.04)) for model in range(10)
    ]
    by_model, by_source = bounds.bound([one._replace(source="") for one in rows]), bounds.bound(rows)
    assert by_model is not None
    assert by_source is not None
    assert (by_model.widened, by_model.within) == (1, pytest.approx(0.04))
    assert (by_source.widened, by_source.within) == (5, pytest.approx(0.2))
    told = page([Comparison("a", "", rows, ("run", "part"))], [], {speed.DECODE: speed.Fitted(10, 0.1, 0.2)})
    assert "| run part | a | 20 | 2 sources | 20 % | 100 % | 5 |" in told


def test_what_bounds_an_estimate_of_transformers_is_asked_as_a_user_asks() -> None:
    """No release, loader or allocator is added: 32,768 tokens of Qwen2.5-7B on an A100."""
    found, released = asked.comparisons()
    assert found.bounds == ("transformers", "allocated")
    assert released.bounds == ("transformers, older releases", "allocated")
    (ours,) = [one for one in found.rows if one.name.startswith("Qwen2.5-7B-Instruct BF16 32,768")]
    words = ("estimate", "Qwen2.5-7B-Instruct", "-q", "bf16", "--runtime", "transformers", "-c", "32768")
    parts = good(*words, "--gpu", "a100-80gb", "-o", "json").json()["estimates"][0]["devices"][0]["per_device"][0][
        "parts"
    ]
    assert ours.ours * GIB == sum(parts.values()) - parts["overhead"]
    assert {one.unusual for one in found.rows} == {"", asked.BEFORE, asked.FIRST}
    assert {one.unusual for one in released.rows} == {""}
    assert summary(released.rows).p95 < 0.03


def answered(*words: str) -> dict[str, Any]:
    told: dict[str, Any] = good("estimate", *words, "-o", "json").json()["estimates"][0]["devices"][0]
    return told


def test_a_start_up_log_is_asked_with_the_options_that_it_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {
        "model": "Qwen/Qwen3-14B",
        "vllm_version": "0.18.0",
        "gpu": "RTX PRO 6000 Blackwell",
        "tp": 2,
        "max_model_len": 16384,
        "gpu_memory_utilization": 0.8,
        "max_num_seqs": 64,
        "weights_gib": 13.8,
        "kv_cache_tokens": 700_000,
        "kv_cache_dtype": "fp8",
        "source": "a test",
    }
    untold = {**row, "vllm_version": None, "source": "another"}
    monkeypatch.setattr(served, "VLLM", [row, untold, {**row, "vllm_version": "0.7 V0", "activation_peak_gib": 1.0}])
    monkeypatch.setattr(served, "VLLM_MORE", [])
    monkeypatch.setattr(served, "SGLANG", [])
    found = {one.what: one for one in served.comparisons()}
    weights, tokens = found[served.WEIGHTS], found[served.TOKENS]
    words = ["qwen3-14b", "-q", "bf16", "--runtime", "vllm@0.18.0", "--gpu", "2x rtx-pro-6000", "--tp", "2"]
    words += ["-c", "16384", "--gpu-memory-utilization", "0.8", "--max-num-seqs", "64", "--kv-dtype", "fp8"]
    told = answered(*words)
    assert [one.ours for one in tokens.usual()] == [told["kv_cache_tokens"]]
    assert "release is not told" in tokens.rows[1].unusual
    assert [one.ours * GIB for one in weights.rows] == [told["per_device"][0]["parts"]["weights"]] * 2
    assert (weights.bounds, tokens.bounds) == (("vllm", "weights"), ("vllm", "kv_cache_tokens"))
    assert [one.truth for one in found[served.BEFORE].rows] == [1.0]
    assert found[served.BEFORE].bounds is None


def test_a_figure_of_llama_cpp_is_asked_as_llama_server_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked_llama_cpp, "EACH", 1)
    monkeypatch.setattr(asked_llama_cpp, "measured", lambda: {**llama_cpp.measured(), "given": {}, "own": OWN})
    cache, _, compute, logs = asked_llama_cpp.comparisons()
    told = answered("yi-6b", "-q", "q4_k_m", "-c", "4096", "--gpu", "8TiB", "--ubatch", "2048", "--flash-attn")
    parts = told["per_device"][0]["parts"]
    assert [one.ours for one in cache.rows] == [parts["kv_cache"]] == [one.truth for one in cache.rows]
    assert [one.ours for one in compute.rows] == [parts["compute"]]
    assert [one.error for one in logs.usual()] == [0] * len(logs.usual())
    assert len(logs.usual()) >= 6


#: 4,096 tokens in steps of 2,048 with flash attention; its row is taken as Yi 6B's own.
OWN = {"yi-6b": [[34, 268435456, 1, 1]]}


def test_a_page_says_how_many_rows_a_bound_leaves_out() -> None:
    rows = [*many(0.02), row(9, "odd", unusual="older")]
    told = page([Comparison("a", "", rows, ("run", "part"))], [], {speed.DECODE: speed.Fitted(10, 0.1, 0.2)})
    (line,) = [line for line in told.splitlines() if line.startswith("| run part | a |")]
    assert line.endswith("| 1 |")


def test_too_few_rows_or_one_model_have_no_bound() -> None:
    assert bounds.bound(many(0.01)[:19]) is None
    assert bounds.bound([row(0.01, f"one {case}") for case in range(100)]) is None


def test_the_file_of_bounds_says_what_held_and_rounds_upwards() -> None:
    rows = [*many(0.0123456789), row(0.5, "m0 odd")]
    found = yaml.safe_load(
        bounds.text([Comparison("things", "a log", rows, ("run", "part")), Comparison("x", "", rows)])
    )
    assert list(found) == ["run"]
    entry = found["run"]["part"]
    assert entry["within"] == 0.012346
    assert (entry["rows"], entry["exact"], entry["worst"], entry["held_out"]) == (101, 0, 0.5, False)
    assert entry["held"] == pytest.approx(100 / 101, abs=1e-4)


@pytest.mark.parametrize(
    ("errors", "met"),
    [
        ([0.0] * 10, True),
        ([0.0] * 9 + [0.049], True),
        ([0.0] * 9 + [0.051], False),
        ([0.02] * 10, False),
        ([0.0] * 8 + [0.03, 0.03], False),
        ([], None),
    ],
)
def test_an_aim_is_met_by_median_worst_and_share_together(errors: list[float], met: bool | None) -> None:
    assert aims.outcome(AIM, [row(error) for error in errors]).met is met


def test_a_page_names_a_missed_aim_and_the_rows() -> None:
    missed = Comparison("a thing", "a log", [row(0.2, "far off"), row(0, "fine"), row(3, "old one", unusual="too old")])
    outcome = aims.outcome(AIM, missed.usual())
    fitted = {speed.DECODE: speed.Fitted(10, 0.1, 0.2)}
    text = page([missed, Comparison("empty", "", [row(1, unusual="old")])], [outcome], fitted)
    line = next(line for line in text.splitlines() if line.startswith("| a thing | median"))
    assert line.endswith("| **missed** |")
    assert "- far off: 120.00 against 100.00, +20.00 %" in text
    assert "- fine" not in text
    assert "- old one: 400.00 against 100.00, +300.00 % (too old)" in text
    # The third row is known to be old: it counts beside the others, and not among them.
    assert "| a thing | 2 | 1 | 10 % | 20 % | 20 % | 20 % | far off | 3: 300 % |" in text
    assert "| empty | 0 | | | | | | all rows are unusual, see below | 1: 100 % |" in text


def test_an_aim_that_rests_on_what_it_was_built_with_says_so() -> None:
    assert "none of them left out" in aims.outcome(AIM, [row(0, seen=True)]).found
    assert "left out" not in aims.outcome(AIM, [row(0, seen=True), row(0)]).found


def test_readme_keeps_all_but_what_stands_between_the_markers() -> None:
    assert put(f"a\n{BEGIN}old{END}\nb", "new") == f"a\n{BEGIN}\n\nnew\n\n{END}\nb"
    with pytest.raises(ValueError, match="README"):
        put("no markers", "new")


def test_the_plot_puts_larger_errors_further_right_and_exact_ones_at_the_end() -> None:
    places = [plot.place(error) for error in (0, 1e-5, 1e-3, 0.1, 1, 7)]
    assert places[0] == places[1] < places[2] < places[3] < places[4] == places[5]
    picture = plot.svg([Comparison("a < b", "", [row(0.1)]), Comparison("nothing", "", [row(1, unusual="old")])])
    assert "a &lt; b (1)" in picture
    assert "nothing" not in picture


def test_an_estimate_carries_the_bounds_of_its_own_kind() -> None:
    (line,) = estimate("llama-3.1-8b", ["q4_k_m"]).estimates
    assert {"weights", "file", "kv_cache", "compute"} <= set(line.bounds)
    assert line.bounds["kv_cache"].within == 0
    assert line.bounds["kv_cache"].worst < 0.001
    assert line.bounds["kv_cache"].rows > 100
    (line,) = estimate("llama-3.1-8b", ["bf16"]).estimates
    assert set(line.bounds) == {"weights", "alive", "allocated"}
    assert 0 < line.bounds["weights"].within < 0.002


def test_what_was_not_measured_has_no_bound() -> None:
    for model, quant in (("7B", "q4_k_m"), ("llama-3.1-8b", "int4")):
        (line,) = estimate(model, [quant]).estimates
        assert line.bounds == {}
    # Of encoders only weights and files were measured.
    (line,) = estimate("bert-base", ["q4_k_m"], runtime="llama.cpp").estimates
    assert set(line.bounds) == {"weights", "file"}


def test_explain_tells_the_bounds() -> None:
    told = "\n".join(estimate("llama-3.1-8b", ["q4_k_m"], explain=True).explanation)
    assert re.search(r"KV cache: within 0\.0 % in 95 of 100 cases, by [\d,]+ measured rows", told)
    assert (percent(0), percent(1e-9), percent(0.0123)) == ("0.0 %", "1e-07 %", "1.23 %")
