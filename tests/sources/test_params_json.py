"""Meta's and Mistral's own params.json give the count that the config.json of the same model gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmscale import load
from llmscale.model.inventory import inventory
from tests.helpers import run
from tests.safetensors_files import Tensors, safetensors_bytes, size

#: As published, and the catalogue's model that it is.
PUBLISHED: dict[str, dict[str, Any]] = {
    "llama-2-7b": {"dim": 4096, "multiple_of": 256, "n_heads": 32, "n_layers": 32, "norm_eps": 1e-5, "vocab_size": -1},
    "llama-2-70b": {
        "dim": 8192,
        "multiple_of": 4096,
        "ffn_dim_multiplier": 1.3,
        "n_heads": 64,
        "n_kv_heads": 8,
        "n_layers": 80,
        "norm_eps": 1e-5,
        "vocab_size": -1,
    },
    "llama-3.1-8b": {
        "dim": 4096,
        "n_layers": 32,
        "n_heads": 32,
        "n_kv_heads": 8,
        "vocab_size": 128256,
        "ffn_dim_multiplier": 1.3,
        "multiple_of": 1024,
        "norm_eps": 1e-5,
        "rope_theta": 500000.0,
        "use_scaled_rope": True,
    },
    "mistral-7b-v0.1": {
        "dim": 4096,
        "n_layers": 32,
        "head_dim": 128,
        "hidden_dim": 14336,
        "n_heads": 32,
        "n_kv_heads": 8,
        "norm_eps": 1e-5,
        "sliding_window": 4096,
        "vocab_size": 32000,
    },
    "mixtral-8x7b": {
        "dim": 4096,
        "n_layers": 32,
        "head_dim": 128,
        "hidden_dim": 14336,
        "n_heads": 32,
        "n_kv_heads": 8,
        "norm_eps": 1e-5,
        "vocab_size": 32000,
        "moe": {"num_experts_per_tok": 2, "num_experts": 8},
    },
}


@pytest.mark.parametrize("model", PUBLISHED)
def test_the_same_model_counts_the_same(tmp_path: Path, model: str) -> None:
    (tmp_path / "params.json").write_text(json.dumps(PUBLISHED[model]))
    own, ours = (load(str(tmp_path)).known(), load(model).known())
    assert inventory(own).total() == inventory(ours).total()
    assert inventory(own).active() == inventory(ours).active()


def test_beside_tensors_of_its_own_names(tmp_path: Path) -> None:
    (tmp_path / "params.json").write_text(json.dumps(PUBLISHED["mistral-7b-v0.1"]))
    tensors: Tensors = {f"layers.{n}.attention.wq.weight": ("BF16", (64, 64)) for n in range(3)}
    (tmp_path / "consolidated.safetensors").write_bytes(safetensors_bytes(tensors))
    said = run("estimate", str(tmp_path), "-o", "json").json()
    assert said["estimates"][0]["weights_bytes"] == size(tensors)
    assert said["model"]["parameters"] == inventory(load("mistral-7b-v0.1").known()).total()
    assert said["notes"] == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"vision_encoder": {"hidden_size": 1024}}, "vision_encoder"),
        ({"multiple_of": None}, "multiple_of"),
        ({"multiple_of": 0}, "no model has"),
        ({"dim": "x"}, "hidden_dim"),
        ({"n_layers": 10**9}, "num_hidden_layers"),
        ({"evil\x1b[31m": 1}, "evil"),
    ],
)
def test_refusals(tmp_path: Path, change: dict[str, Any], word: str) -> None:
    path = tmp_path / "params.json"
    path.write_text(json.dumps(PUBLISHED["llama-2-7b"] | change))
    said = run("params", str(path))
    assert (said.status, word in said.err, "\x1b" in said.err) == (4, True, False)
