"""Published losses of quality: every figure is whole, plausible, and says where it stands."""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import cache
from typing import Any

import pytest
import yaml

from tests.helpers import REPOSITORY

REQUIRED = {"model", "quant", "metric", "value", "dataset", "version", "source"}
OPTIONAL = {"variant", "baseline", "baseline_source", "imatrix", "note", "derived"}
#: Beyond these a figure is a slip of the pen, not a loss. One bit a weight multiplies perplexity by almost ten.
RANGES = {
    "perplexity": (1.5, 100),
    "perplexity_ratio": (0.98, 20),
    "kl_divergence_mean": (0, 5),
    "recovery_percent": (25, 102),
}
#: Measured by somebody, not in the catalogue.
UNCATALOGUED = {"qwopus3.8-27b-coder-flash"}
LLAMA_CPP = {
    *("q8_0", "q6_k", "q5_k_m", "q5_k_s", "q5_1", "q5_0", "q4_k_m", "q4_k_s", "q4_1", "q4_0", "iq4_nl", "iq4_xs"),
    *("q3_k_l", "q3_k_m", "q3_k_s", "iq3_m", "iq3_s", "iq3_xs", "iq3_xxs", "q2_k", "q2_k_s"),
    *("iq2_m", "iq2_s", "iq2_xs", "iq2_xxs", "iq1_m", "iq1_s"),
}
URL = r"https://\S+"
FILE_AT_COMMIT = r"[\w.-]+/[\w.-]+:[^@]+@[0-9a-f]{9,40}"


@cache
def rows() -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = yaml.safe_load((REPOSITORY / "data" / "quality.yaml").read_text(encoding="utf-8"))
    return read


def name(row: dict[str, Any]) -> str:
    return f"{row['model']} {row.get('variant', '')} {row['quant']} {row['metric']} {row['source']}"


def test_every_row_has_its_fields_and_no_other() -> None:
    for row in rows():
        assert row.keys() >= REQUIRED, name(row)
        assert row.keys() <= REQUIRED | OPTIONAL, name(row)
        for field in row.keys() - {"value", "baseline", "imatrix"}:
            assert isinstance(row[field], str), (field, name(row))
            assert row[field].strip(), (field, name(row))
        assert isinstance(row.get("imatrix", True), bool), name(row)


def test_every_value_is_plausible_for_its_metric() -> None:
    for row in rows():
        low, high = RANGES[row["metric"]]
        assert math.isfinite(row["value"]), name(row)
        assert low <= row["value"] <= high, name(row)


def test_a_perplexity_comes_with_that_of_16_bits_and_is_hardly_below_it() -> None:
    for row in rows():
        assert ("baseline" in row) == (row["metric"] == "perplexity"), name(row)
        assert "baseline" in row or "baseline_source" not in row, name(row)
        if "baseline" in row:
            assert math.isfinite(row["baseline"]), name(row)
            assert 0.98 <= row["value"] / row["baseline"] <= 20, name(row)


def test_a_source_can_be_looked_up() -> None:
    for row in rows():
        for source in (row["source"], row.get("baseline_source", row["source"])):
            assert re.match(f"(?:{URL}|{FILE_AT_COMMIT})(?: \\(.+\\))?$", source), source


def test_no_measurement_is_listed_twice() -> None:
    keys = ("model", "variant", "quant", "metric", "dataset", "imatrix", "source")
    counted = Counter(tuple(row.get(key) for key in keys) for row in rows())
    assert [key for key, count in counted.items() if count > 1] == []


def test_a_derived_value_is_what_its_formula_gives() -> None:
    derived = [row for row in rows() if "derived" in row]
    assert derived
    for row in derived:
        formula = row["derived"].replace(" %", " / 100")
        assert re.fullmatch(r"(?:exp|[\d.+*/() -])+", formula), formula
        assert eval(formula, {"exp": math.exp}) == pytest.approx(row["value"], rel=1e-4), name(row)


def test_models_are_called_as_in_the_catalogue() -> None:
    catalogue = yaml.safe_load((REPOSITORY / "data" / "models.yaml").read_text(encoding="utf-8"))
    assert {row["model"] for row in rows()} - catalogue.keys() == UNCATALOGUED


@pytest.mark.parametrize("metric", ["perplexity", "kl_divergence_mean"])
def test_one_model_covers_llama_cpp_with_one_table(metric: str) -> None:
    table = [row for row in rows() if row["model"] == "llama-3-8b" and "llama.cpp:tools/perplexity" in row["source"]]
    assert {row["quant"] for row in table if row["metric"] == metric} == LLAMA_CPP


def test_in_one_table_a_matrix_never_makes_a_preset_worse() -> None:
    pairs: dict[tuple[str, ...], dict[bool, float]] = {}
    for row in rows():
        if "imatrix" in row and row["metric"] != "recovery_percent":
            key = (row["model"], row["quant"], row["metric"], row["dataset"], row["version"], row["source"])
            pairs.setdefault(key, {})[row["imatrix"]] = row["value"]
    both = {key: values for key, values in pairs.items() if len(values) == 2}
    assert len(both) >= 12
    assert [key for key, values in both.items() if values[True] >= values[False]] == []
