"""One way in: whatever is named becomes a model, and only what is there is invented."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmscale import load
from llmscale.errors import InputFileError, LlmscaleError, NotFoundError, UsageError
from llmscale.model.inventory import inventory
from llmscale.quantity import Basis
from tests.helpers import TINY_TOTAL, error_of, tiny, write_config


def total(reference: str) -> int:
    return inventory(load(reference).known()).total()


@pytest.mark.parametrize(
    ("reference", "count", "active"),
    [
        ("7B", 7 * 10**9, 7 * 10**9),
        ("1.1亿", 110_000_000, 110_000_000),
        ("0.5b", 5 * 10**8, 5 * 10**8),
        ("8x7B", 56 * 10**9, 14 * 10**9),
        ("8 x 22B", 176 * 10**9, 44 * 10**9),
        ("1x7B", 7 * 10**9, 7 * 10**9),
        ("30B-A3B", 30 * 10**9, 3 * 10**9),
        ("1T-A32B", 10**12, 32 * 10**9),
    ],
)
def test_sizes(reference: str, count: int, active: int) -> None:
    spec = load(reference).known()
    parts = inventory(spec)
    assert (parts.total(), parts.active()) == (count, active)
    assert spec.basis is Basis.ASSUMED
    assert not spec.shape_known
    assert bool(spec.warnings) == ("x" in reference)
    assert load(reference).entry is None


def test_a_size_of_experts_is_a_range_up_to_their_product() -> None:
    low, high = load("8x7B").known().parameters_range or (0, 0)
    assert low < 46_702_792_704 < high == 56 * 10**9
    assert load("7B").known().parameters_range is None


@given(st.integers(1, 10**6), st.sampled_from(["K", "M", "B", "万", "亿"]))
def test_any_size_is_taken_at_its_word(number: int, unit: str) -> None:
    worth = {"K": 10**3, "M": 10**6, "B": 10**9, "万": 10**4, "亿": 10**8}[unit]
    assert total(f"{number}{unit}") == number * worth


def test_a_file_its_folder_and_the_catalogue_take_the_same_road(tmp_path: Path) -> None:
    folder = tmp_path / "My-Model"
    folder.mkdir()
    path = write_config(folder, tiny())
    for reference in (str(path), str(folder)):
        spec = load(reference).known()
        assert inventory(spec).total() == TINY_TOTAL
        assert (spec.name, spec.source, spec.basis) == ("My-Model", str(path), Basis.EXACT)
        assert spec.max_context == 512
    other = tmp_path / "other.json"
    other.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    assert load(str(other)).known().name == "other.json"


def test_a_home_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_config(tmp_path, tiny())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert total("~/config.json") == TINY_TOTAL


def test_a_published_size_without_a_shape_is_reported() -> None:
    loaded = load("seed1.5-thinking")
    assert loaded.entry is not None
    assert loaded.known().basis is Basis.REPORTED
    assert inventory(loaded.known()).total() == loaded.entry.parameters


@pytest.mark.parametrize(
    ("model", "published", "limit"),
    [
        ("mistral-7b-v0.1", {}, 32_768),
        ("qwen-14b", {}, 2048),
        ("gpt-3", {}, 2048),
        ("bloom-7b1", {"seq_length": 2048}, 2048),
        ("t5-large", {"n_positions": 512}, 512),
    ],
)
def test_a_model_and_its_own_config_have_the_same_limit(
    model: str, published: dict[str, int], limit: int, tmp_path: Path
) -> None:
    by_name = load(model)
    assert by_name.entry is not None
    own = write_config(tmp_path, {**(by_name.entry.config or {}), **published})
    assert by_name.known().max_context == load(str(own)).known().max_context == limit


def test_where_a_config_says_no_limit_the_publisher_does() -> None:
    found = load("falcon-mamba-7b")
    assert found.entry is not None
    assert found.known().max_context == found.entry.context == 8192


@pytest.mark.parametrize("text", ["7", "B", "x7B", "🙂", "a" * 5000, "7B-A", "..", "~", "\n", "\u202e7B", "1e5", "∞B"])
def test_any_text_is_a_model_or_an_error_of_ours(text: str) -> None:
    error = error_of(lambda: load(text))
    assert error is None or error.exit_status in (2, 3, 4)


@pytest.mark.parametrize(("reference", "kind"), [("", UsageError), ("-7B", UsageError), ("nosuch", NotFoundError)])
def test_errors_have_their_kind(reference: str, kind: type[LlmscaleError]) -> None:
    with pytest.raises(kind):
        load(reference)


def test_a_folder_called_like_a_model_does_not_hide_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gpt2").mkdir()
    (tmp_path / "mine").mkdir()
    write_config(tmp_path / "mine", tiny())
    assert load("gpt2").known().layers == 12
    assert total("mine") == total("./mine") == TINY_TOTAL
    with pytest.raises(InputFileError, match=r"has no config\.json"):
        load("./gpt2")
