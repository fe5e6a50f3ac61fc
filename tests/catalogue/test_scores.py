"""Scores are reported, of models that are in the catalogue, each column of one described source."""

from __future__ import annotations

from pathlib import Path

from llmscale.catalogue.entries import entries
from llmscale.catalogue.scores import benchmarks, check, scores
from llmscale.errors import InputFileError
from llmscale.store.yaml_file import YamlFile
from tests.helpers import error_of


def test_every_score_is_a_percentage_of_a_model_in_the_catalogue() -> None:
    known = {entry.id for entry in entries()}
    for benchmark in benchmarks():
        rated = {model: given[benchmark] for model, given in scores().items() if benchmark in given}
        assert len(rated) >= 5, benchmark
        assert rated.keys() <= known, rated.keys() - known
        assert all(0 < value < 100 for value in rated.values())


def test_every_column_says_of_what_it_is_and_where_it_was_read() -> None:
    for benchmark in benchmarks().values():
        assert benchmark.what.endswith(".")
        assert benchmark.source.startswith("https://")


def test_a_published_figure() -> None:
    """Aider's polyglot board gives QwQ-32B 20.9 and Kimi K2 59.1."""
    assert [scores()[model]["aider-polyglot"] for model in ("qwq-32b", "kimi-k2")] == [20.9, 59.1]


def test_a_score_of_no_benchmark_is_refused(tmp_path: Path) -> None:
    text = "benchmarks: {}\nscores:\n  qwq-32b: {mmlu: 70.0}\n"
    error = error_of(lambda: check(YamlFile(str(tmp_path / "scores.yaml"), text)))
    assert isinstance(error, InputFileError)
    assert "mmlu" in str(error)
