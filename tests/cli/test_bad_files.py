"""Files that are no config.json, and configs that cannot be counted: refused with what is wrong in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmscale import load
from llmscale.errors import LlmscaleError
from tests.cli.refusals import BAD_FILE, refused
from tests.helpers import process, run, tiny, write_config

#: (what the file holds, exit status, words that the message must have)
FILES: dict[str, tuple[str | bytes, list[str]]] = {
    "empty": ("", ["is empty"]),
    "blank": (" \n\t\n", ["is empty"]),
    "binary": (bytes(range(256)) * 10, ["is not text"]),
    "zeros": (bytes(4096), ["is not JSON"]),
    "deep": ("[" * 200_000, ["nested too deeply"]),
    "deep objects": ('{"a":' * 100_000, ["nested too deeply"]),
    "a list": ("[1, 2]", ["holds a JSON list"]),
    "a number": ("5", ["holds a JSON number"]),
    "a text": ('"llama"', ["holds a JSON text"]),
    "a truth value": ("true", ["holds a JSON truth value"]),
    "null": ("null", ["holds a JSON null"]),
    "cut short": ('{"model_type": "llama", "hidden', ["is not JSON"]),
    "NaN": ('{"model_type": "llama", "hidden_size": NaN}', ["hidden_size = nan"]),
    "Infinity": ('{"model_type": "llama", "hidden_size": -Infinity}', ["hidden_size = -inf"]),
    "five thousand digits": ('{"model_type": "llama", "hidden_size": ' + "9" * 5000 + "}", []),
    "too large": (" " * (5 << 20), ["too large"]),
}

CONFIGS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no model_type": ({"hidden_size": 64}, ["no 'model_type'"]),
    "unknown model_type": ({"model_type": "lama"}, ["'lama'", "llama"]),
    "model_type is a list": ({"model_type": ["llama"]}, ["architecture"]),
    "a dimension is null": ({**tiny(), "hidden_size": None}, ["lacks 'hidden_size'"]),
    "negative": (tiny(hidden_size=-64), ["hidden_size = -64"]),
    "zero": (tiny(num_hidden_layers=0), ["num_hidden_layers = 0"]),
    "fraction": (tiny(hidden_size=64.5), ["hidden_size = 64.5"]),
    "truth value": (tiny(vocab_size=True), ["vocab_size = True"]),
    "text": (tiny(hidden_size="64"), ["hidden_size = '64'"]),
    "enormous": (tiny(hidden_size=10**12), ["hidden_size = 1000000000000"]),
    "enormous exponent": (tiny(hidden_size=1e300), ["hidden_size = 1e+300"]),
    "uneven heads": (tiny(num_attention_heads=5, num_key_value_heads=None), ["not a multiple of its 5 heads"]),
    "more KV heads than heads": (tiny(num_key_value_heads=8), ["8 KV heads but only 4"]),
    "layer types too few": (tiny(layer_types=["full_attention"]), ["1 entries in layer_types for 2 layers"]),
    "unknown layer type": (tiny(layer_types=["a", "b"]), ["'a'"]),
    "unknown key": (
        tiny(model_type="orion", num_secret_experts=8),
        ["'num_secret_experts'", "may change the parameter count"],
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_files(case: str, tmp_path: Path) -> None:
    content, words = FILES[case]
    path = tmp_path / "config.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(run("estimate", str(path)), BAD_FILE, "config.json", *words)


@pytest.mark.parametrize("case", CONFIGS)
def test_configs(case: str, tmp_path: Path) -> None:
    config, words = CONFIGS[case]
    path = write_config(tmp_path, config)
    refused(run("params", str(path)), BAD_FILE, "config.json", *words)
    refused(run("estimate", str(tmp_path)), BAD_FILE, "config.json", *words)


@pytest.mark.parametrize("case", ["binary", "deep", "NaN"])
def test_files_through_the_process(case: str, tmp_path: Path) -> None:
    content, words = FILES[case]
    path = tmp_path / "config.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(process("estimate", str(path)), BAD_FILE, *words)


def test_configs_through_the_process(tmp_path: Path) -> None:
    path = write_config(tmp_path, tiny(model_type="orion", num_secret_experts=8))
    refused(process("params", str(path)), BAD_FILE, "'num_secret_experts'")


def test_a_folder_without_a_config(tmp_path: Path) -> None:
    refused(run("estimate", str(tmp_path)), BAD_FILE, str(tmp_path), "has no config.json")


def test_a_folder_in_the_place_of_the_config(tmp_path: Path) -> None:
    (tmp_path / "config.json").mkdir()
    refused(run("estimate", str(tmp_path)), BAD_FILE, "config.json")


def test_a_path_with_a_zero_byte_is_refused() -> None:
    with pytest.raises(LlmscaleError):
        load("./a\0b")


def test_an_unknown_key_has_its_own_kind_in_json(tmp_path: Path) -> None:
    path = write_config(tmp_path, tiny(model_type="orion", num_secret_experts=8))
    told = json.loads(run("params", str(path), "-o", "json").err)
    assert told["error"]["kind"] == "unsupported_model"
    assert "remove it" in told["error"]["hint"]


def test_a_null_key_is_no_error(tmp_path: Path) -> None:
    path = write_config(tmp_path, {**tiny(), "num_secret_experts": None})
    assert run("params", str(path)).status == 0
