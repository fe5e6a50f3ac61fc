"""``models list`` with its filters."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from llmscale.answers.filters import SORTS, ModelFilter
from llmscale.answers.lists import list_models
from llmscale.cli.app import main
from llmscale.errors import UsageError

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """``models list`` in this process: status, stdout, stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["llmscale", "models", "list", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        return (int(stop.value.code or 0), *capsys.readouterr())

    return call


def listed(run: Run, *arguments: str) -> list[dict[str, Any]]:
    status, out, err = run(*arguments, "-o", "json")
    assert (status, err) == (0, "")
    models: list[dict[str, Any]] = json.loads(out)["models"]
    return models


Test = Callable[[dict[str, Any]], bool]
FILTERS: list[tuple[list[str], Test]] = [
    (["--family", "llama"], lambda m: m["family"] == "llama"),
    (["--family", "DeepSeek"], lambda m: m["family"] == "deepseek"),
    (["--family", "deepseek_"], lambda m: "deepseek" in m["family"]),
    (["--publisher", "meta"], lambda m: m["publisher"] == "Meta"),
    (["--publisher", "zhipu"], lambda m: "Zhipu" in m["publisher"]),
    (["--licence", "apache-2.0"], lambda m: m["licence"] == "Apache-2.0"),
    (["--licence", "llama 3.1 community"], lambda m: m["licence"] == "Llama 3.1 Community"),
    (["--open"], lambda m: m["open"]),
    (["--closed"], lambda m: not m["open"]),
    (["--min", "1B"], lambda m: (m["parameters"] or 0) >= 10**9),
    (["--max", "30B"], lambda m: m["parameters"] is not None and m["parameters"] <= 30 * 10**9),
    (["--min", "10亿", "--max", "7B"], lambda m: 10**9 <= (m["parameters"] or 0) <= 7 * 10**9),
    (["--modality", "vision"], lambda m: m["modality"] == "vision"),
    (["--since", "2025-01"], lambda m: m["released"] >= "2025-01"),
    (["--since", "2025"], lambda m: m["released"] >= "2025"),
    (["--open", "--max", "1B", "--licence", "MIT"], lambda m: m["open"] and m["licence"] == "MIT"),
]


@pytest.mark.parametrize(("options", "test"), FILTERS)
def test_a_filter_keeps_what_it_says_and_nothing_else(run: Run, options: list[str], test: Test) -> None:
    everything, found = listed(run), listed(run, *options)
    assert found
    if options[:2] not in (["--family", "deepseek_"], ["--open", "--max"]):
        assert found == [model for model in everything if test(model)]
    assert all(map(test, found))
    assert len(found) < len(everything)


def test_together_with_a_word(run: Run) -> None:
    found = listed(run, "qwen", "--max", "8B", "--since", "2024-01")
    assert found == [m for m in listed(run, "qwen") if (m["parameters"] or 9e9) <= 8e9 and m["released"] >= "2024"]
    assert found


@pytest.mark.parametrize("sort", SORTS)
def test_orders(run: Run, sort: str) -> None:
    key = {"active": "active_parameters"}.get(sort, sort)
    values = [model[key] for model in listed(run, "--sort", sort)]
    known = [value for value in values if value]
    assert known == sorted(known, reverse=sort != "id")
    assert values == known + [value for value in values if not value]
    assert len(values) == len(listed(run))


def test_equals_stay_in_the_order_of_the_catalogue() -> None:
    everything = list_models().models
    order = {line.id: at for at, line in enumerate(everything)}
    found = list_models(wanted=ModelFilter(sort="released")).models
    for one, other in pairwise(found):
        assert one.released > other.released or order[one.id] < order[other.id]


def test_as_csv(run: Run) -> None:
    status, out, err = run("--family", "llama", "--max", "8B", "--sort", "id", "-o", "csv")
    assert (status, err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert {row["family"] for row in rows} == {"llama"}
    assert {row["source"] for row in rows} == {"llmscale"}
    assert all(int(row["parameters"]) <= 8e9 and row["licence"] and row["modality"] for row in rows)


def test_nothing_found_is_no_error(run: Run) -> None:
    assert run("--modality", "vision", "--min", "900B")[::2] == (0, "")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--family", "nosuch"], "bart"),
        (["--publisher", "nosuch"], "Alibaba"),
        (["--licence", "nosuch"], "Apache-2.0"),
        (["--modality", "smell"], "vision"),
        (["--modality", ""], "vision"),
        (["--sort", "beauty"], "released"),
        (["--since", "yesterday"], "2025-01"),
        (["--since", "2025-13"], "2025-01"),
        (["--min", "much"], "7B"),
        (["--max", "-1B"], "7B"),
        (["--min", "7B", "--max", "1B"], "--max 1B"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_can(run: Run, options: list[str], named: str) -> None:
    status, out, err = run(*options)
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert named in err


def test_the_python_way() -> None:
    found = list_models("llama", ModelFilter(low="60B", high="80B", sort="released")).models
    assert found
    assert all(6e10 <= (line.parameters or 0) <= 8e10 for line in found)
    with pytest.raises(UsageError):
        list_models(wanted=ModelFilter(family="nosuch"))
