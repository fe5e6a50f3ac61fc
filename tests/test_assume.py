"""``--assume``: a config.json of an unknown architecture, counted as a family that somebody names."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmscale.answers.estimate import estimate
from llmscale.answers.params import params
from llmscale.cli.app import main
from llmscale.errors import InputFileError, NotFoundError, UnsupportedModelError, UsageError

CONFIG: dict[str, Any] = {
    "model_type": "brandnew",
    "architectures": ["BrandNewForCausalLM"],
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 100,
    "max_position_embeddings": 512,
}
TOTAL = 2 * 100 * 64 + 2 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 128 + 2 * 64) + 64

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The program in this process: status, stdout, stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["llmscale", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        return (int(stop.value.code or 0), *capsys.readouterr())

    return call


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """A config.json of these keys over `CONFIG`; None leaves one out."""

    def make(**changes: Any) -> str:
        merged = {key: value for key, value in {**CONFIG, **changes}.items() if value is not None}
        path = tmp_path / "config.json"
        path.write_text(json.dumps(merged), encoding="utf-8")
        return str(path)

    return make


def test_it_is_counted_and_said_to_be_assumed(write: Callable[..., str]) -> None:
    path = write()
    with pytest.raises(UnsupportedModelError, match="brandnew") as caught:
        params(path)
    assert "--assume" in caught.value.hint
    result = params(path, assume="llama")
    assert result.parameters is not None
    assert result.parameters.total == TOTAL
    assert result.model.basis == "assumed"
    assert len(result.warnings) == 1
    assert "'llama'" in result.warnings[0]
    assert "'brandnew'" in result.warnings[0]
    assert "Keys" not in result.warnings[0]


def test_no_part_of_an_estimate_is_called_exact(write: Callable[..., str]) -> None:
    result = estimate(write(), ["fp16"], context=100, assume="llama", explain=True)
    (line,) = result.estimates
    assert (line.weights_bytes, line.kv_cache_bytes) == (2 * TOTAL, 2 * 100 * 2 * 32 * 2)
    assert line.basis == {
        **dict.fromkeys(("weights", "kv_cache", "state", "compute"), "assumed"),
        "overhead": "modelled",
    }
    assert line.ranges == {}
    assert result.model.basis == "assumed"
    assert "(exact)" not in " ".join(result.explanation)


def test_unread_keys_are_listed_instead_of_refused(write: Callable[..., str]) -> None:
    warning = params(write(n_wormholes=3, text_flux={"a": 1}), assume="llama").warnings[0]
    assert "n_wormholes, text_flux" in warning


def test_those_of_a_part_too(write: Callable[..., str]) -> None:
    text = {**CONFIG, "model_type": "llama", "wormholes": 3}
    vision = {"model_type": "clip_vision_model", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    vision |= {"intermediate_size": 64, "image_size": 28, "patch_size": 14, "projection_dim": 16}
    path = write(text_config=text, vision_config=vision, image_token_index=5)
    result = params(path, assume="llava")
    assert result.parameters is not None
    assert "text_config.wormholes" in result.warnings[0]


def test_a_file_without_a_model_type(write: Callable[..., str]) -> None:
    assert "names no architecture" in params(write(model_type=None), assume="llama").warnings[0]


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
    assert (same.model.basis, same.warnings) == ("exact", ())


def test_the_same_family_still_refuses_unread_keys(write: Callable[..., str]) -> None:
    with pytest.raises(UnsupportedModelError, match="wormholes"):
        params(write(model_type="llama", wormholes=3), assume="llama")


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


def test_on_the_command_line(run: Run, write: Callable[..., str]) -> None:
    path = write(wormholes=3)
    for command in ("estimate", "params"):
        assert run(command, path)[0] == 4
        status, out, err = run(command, path, "--assume", "llama")
        assert (status, err) == (0, "")
        words = " ".join(out.split())
        assert "'llama'" in words
        assert "'brandnew'" in words
        assert "wormholes" in words
        assert "~" in out
        assert run(command, path, "--assume", "nosuch")[0] == 3
        assert run(command, "7B", "--assume", "llama")[0] == 2
    told = json.loads(run("estimate", path, "--assume", "llama", "-o", "json")[1])
    assert told["model"]["basis"] == "assumed"
    assert "brandnew" in told["warnings"][0]
