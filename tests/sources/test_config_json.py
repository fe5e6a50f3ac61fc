"""``--assume``: a config.json of an unknown architecture, counted as a family that somebody names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmscale import estimate, params
from llmscale.errors import InputFileError, NotFoundError, UnsupportedModelError, UsageError
from tests.helpers import TINY_TOTAL, good, run, said, tiny, write_config


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """A ``brandnew`` config.json with these keys instead; None leaves one out."""

    def make(**changes: Any) -> str:
        return str(write_config(tmp_path, tiny(**{"model_type": "brandnew", **changes})))

    return make


def test_it_is_counted_and_said_to_be_assumed(write: Callable[..., str]) -> None:
    path = write()
    with pytest.raises(UnsupportedModelError, match="brandnew") as caught:
        params(path)
    assert "--assume" in caught.value.hint
    result = params(path, assume="llama")
    assert result.parameters is not None
    assert result.parameters.total == TINY_TOTAL
    assert result.model.basis == "assumed"
    (sentence,) = said(result)
    assert "'llama'" in sentence
    assert "'brandnew'" in sentence
    assert "Keys" not in sentence


def test_no_part_of_an_estimate_is_called_exact(write: Callable[..., str]) -> None:
    result = estimate(write(), ["fp16"], context=100, assume="llama", explain=True)
    (line,) = result.estimates
    assert (line.weights_bytes, line.kv_cache_bytes) == (2 * TINY_TOTAL, 2 * 100 * 2 * 32 * 2)
    assert line.basis == {
        **dict.fromkeys(("weights", "kv_cache", "state", "compute"), "assumed"),
        "overhead": "modelled",
    }
    assert line.ranges == {}
    assert result.model.basis == "assumed"
    assert "(exact)" not in " ".join(result.explanation)


def test_unread_keys_are_listed_instead_of_refused(write: Callable[..., str]) -> None:
    (sentence,) = said(params(write(n_wormholes=3, text_flux={"a": 1}), assume="llama"))
    assert "n_wormholes, text_flux" in sentence


def test_those_of_a_part_too(write: Callable[..., str]) -> None:
    text = tiny(wormholes=3)
    vision = {"model_type": "clip_vision_model", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    vision |= {"intermediate_size": 64, "image_size": 28, "patch_size": 14, "projection_dim": 16}
    path = write(text_config=text, vision_config=vision, image_token_index=5)
    result = params(path, assume="llava")
    assert result.parameters is not None
    assert "text_config.wormholes" in said(result)[0]


def test_a_file_without_a_model_type(write: Callable[..., str]) -> None:
    assert "names no architecture" in said(params(write(model_type=None), assume="llama"))[0]


@pytest.mark.parametrize("spelling", ["LLaMA", "llama", "Qwen-2"])
def test_families_are_found_as_people_write_them(write: Callable[..., str], spelling: str) -> None:
    assert params(write(), assume=spelling).model.basis == "assumed"


def test_a_known_model_type_is_not_overruled(write: Callable[..., str]) -> None:
    path = write(model_type="llama")
    with pytest.raises(UsageError) as caught:
        params(path, assume="qwen2")
    assert "'llama'" in caught.value.message
    assert "qwen2" in caught.value.message
    same = params(path, assume="llama")
    assert (same.model.basis, same.notes) == ("exact", ())


def test_the_same_family_still_refuses_unread_keys(write: Callable[..., str]) -> None:
    with pytest.raises(UnsupportedModelError, match="wormholes"):
        params(write(model_type="orion", wormholes=3), assume="orion")


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_what_python_writes_for_no_number_is_read(write: Callable[..., str], value: float) -> None:
    plain = params(write(model_type="llama"))
    assert params(write(model_type="llama", time_step_limit=[0.0, value])).parameters == plain.parameters


@pytest.mark.parametrize(
    "written",
    [
        {"quantization": {"group_size": 64, "bits": 4}},
        {"quantization_config": {"quant_method": "awq", "bits": 4}},
        {"quantization_config": {"quant_method": "of next year"}},
    ],
)
def test_how_the_weights_are_stored_changes_no_count(write: Callable[..., str], written: dict[str, Any]) -> None:
    assert params(write(model_type="llama", **written)).parameters == params(write(model_type="llama")).parameters


@pytest.mark.parametrize("reference", ["7B", "llama-2-7b"])
def test_it_is_for_files_only(reference: str) -> None:
    with pytest.raises(UsageError, match=r"config\.json"):
        params(reference, assume="llama")


def test_an_unknown_family_with_the_nearest(write: Callable[..., str]) -> None:
    with pytest.raises(NotFoundError) as caught:
        params(write(), assume="lama")
    assert "llama" in caught.value.hint
    with pytest.raises(NotFoundError):
        params(write(), assume="")


def test_what_the_family_needs_must_be_there(write: Callable[..., str]) -> None:
    with pytest.raises(InputFileError, match="hidden_size"):
        params(write(hidden_size=None), assume="llama")


def test_on_the_command_line(write: Callable[..., str]) -> None:
    path = write(wormholes=3)
    for command in ("estimate", "params"):
        assert run(command, path).status == 4
        shown = good(command, path, "--assume", "llama").out
        words = " ".join(shown.split())
        assert "'llama'" in words
        assert "'brandnew'" in words
        assert "wormholes" in words
        assert "~" in shown
        assert run(command, path, "--assume", "nosuch").status == 3
        assert run(command, "7B", "--assume", "llama").status == 2
    told = good("estimate", path, "--assume", "llama", "-o", "json").json()
    assert told["model"]["basis"] == "assumed"
    assert "brandnew" in told["warnings"][0]
    assert [note["code"] for note in told["notes"]] == ["said"]
