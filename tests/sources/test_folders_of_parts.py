"""Folders whose model is several checkpoints: diffusion pipelines and sentence-transformers, by their headers alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmscale.sources.stores.folders import models_in
from llmscale.sources.stores.interface import KeptModel
from tests.helpers import TINY, TINY_TOTAL, good, run
from tests.pytorch_files import written
from tests.safetensors_files import Tensors, safetensors_bytes, size, write
from tests.sources.checkpoint.test_files import TENSORS

UNET: Tensors = {"down_blocks.0.attentions.0.weight": ("F16", (4, 8, 3, 3)), "conv_in.bias": ("F16", (4,))}
VAE: Tensors = {"decoder.conv.weight": ("F32", (2, 3))}
TEXT: Tensors = {"text_model.embeddings.token_embedding.weight": ("F16", (10, 4))}
INDEX: dict[str, Any] = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": "0.30.0",
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "safety_checker": [None, None],
    "requires_safety_checker": False,
}
PARTS = {"unet": UNET, "vae": VAE, "text_encoder": TEXT}


def put(folder: Path, name: str, raw: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(raw)


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    root = tmp_path / "pipe"
    put(root, "model_index.json", json.dumps(INDEX).encode())
    put(root / "unet", "diffusion_pytorch_model.safetensors", safetensors_bytes(UNET))
    put(root / "vae", "diffusion_pytorch_model.bin", written(VAE))
    put(root / "text_encoder", "model.safetensors", safetensors_bytes(TEXT))
    put(root / "tokenizer", "vocab.json", b"{}")
    # What the index leaves out, and one in another precision, are not loaded.
    put(root / "safety_checker", "model.safetensors", safetensors_bytes(TENSORS))
    put(root / "unet", "diffusion_pytorch_model.fp16.safetensors", safetensors_bytes(UNET))
    return root


def test_a_pipeline_is_the_sum_of_its_parts(pipeline: Path) -> None:
    total = 4 * 8 * 9 + 4 + 6 + 40
    for reference in (pipeline, pipeline / "model_index.json"):
        said = good("params", str(reference), "-o", "json").json()
        assert said["parameters"]["total"] == total
        assert {name: said["parameters"]["components"][name] for name in PARTS} == {
            "unet": 4 * 8 * 9 + 4,
            "vae": 6,
            "text_encoder": 40,
        }
        told = next(told["values"] for told in said["notes"] if told["code"] == "pipeline_parts")
        assert told["size"] == sum(map(size, PARTS.values()))
        assert {one["part"]: one["bytes"] for one in told["parts"]} == {name: size(PARTS[name]) for name in PARTS}
    assert "StableDiffusionPipeline: 688 bytes of weights, unet 584, vae 24" in good("params", str(pipeline)).out
    assert "权重共 688 字节" in good("params", str(pipeline), "--lang", "zh").out


@pytest.mark.parametrize("command", [["estimate"], ["needs"], ["fits", "rtx4090"]])
def test_what_a_pipeline_takes_besides_is_not_made_up(pipeline: Path, command: list[str]) -> None:
    said = run(*command, str(pipeline))
    assert (said.status, "is not modelled" in said.err, "llmscale params" in said.err) == (4, True, True)


def test_a_sharded_part(pipeline: Path) -> None:
    for path in (pipeline / "unet").iterdir():
        path.unlink()
    where = {}
    for number, name in enumerate(UNET):
        called = f"diffusion_pytorch_model-{number + 1:05d}-of-00002.safetensors"
        put(pipeline / "unet", called, safetensors_bytes({name: UNET[name]}))
        where[name] = called
    index = json.dumps({"weight_map": where}).encode()
    put(pipeline / "unet", "diffusion_pytorch_model.safetensors.index.json", index)
    assert good("params", str(pipeline), "-o", "json").json()["parameters"]["components"]["unet"] == 4 * 8 * 9 + 4


def index(root: Path, **changes: Any) -> str:
    put(root, "model_index.json", json.dumps({**INDEX, **changes}).encode())
    return str(root)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"../../etc": ["diffusers", "X"]}, "no folder beside it"),
        ({"a/b": ["diffusers", "X"]}, "no folder beside it"),
        ({"..": ["diffusers", "X"]}, "no folder beside it"),
        ({"": ["diffusers", "X"]}, "no folder beside it"),
        ({"a\0b": ["diffusers", "X"]}, "no folder beside it"),
        ({str(n): ["diffusers", "X"] for n in range(100)}, "more than any pipeline"),
    ],
)
def test_indices_that_lead_elsewhere(pipeline: Path, changes: dict[str, Any], why: str) -> None:
    said = run("params", index(pipeline, **changes))
    assert (said.status, why in said.err) == (4, True)


def test_a_part_that_is_a_link(pipeline: Path, tmp_path: Path) -> None:
    put(tmp_path / "outside", "model.safetensors", safetensors_bytes(TEXT))
    (pipeline / "more").symlink_to(tmp_path / "outside")
    said = run("params", index(pipeline, more=["transformers", "X"]))
    assert (said.status, "is a link" in said.err) == (4, True)


def test_pipelines_that_cannot_be_read(pipeline: Path, tmp_path: Path) -> None:
    assert "none of the weights" in run("params", index(tmp_path / "other")).err
    put(pipeline / "vae", "diffusion_pytorch_model.bin", b"x")
    assert run("params", str(pipeline)).status == 4
    put(pipeline / "vae", "model.safetensors", safetensors_bytes(VAE))
    put(pipeline / "vae", "other.safetensors", safetensors_bytes(VAE))
    assert "two files name the same tensor" in run("params", str(pipeline)).err
    put(pipeline, "model_index.json", b"[")
    assert run("params", str(pipeline)).status == 4


MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"},
]
DENSE: Tensors = {"linear.weight": ("F32", (16, 64)), "linear.bias": ("F32", (16,))}
BERT = {
    "model_type": "bert",
    "architectures": ["BertModel"],
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 100,
    "max_position_embeddings": 64,
    "type_vocab_size": 2,
}


@pytest.fixture
def sentences(tmp_path: Path) -> Path:
    root = tmp_path / "sentences"
    put(root, "modules.json", json.dumps(MODULES).encode())
    put(root, "config.json", json.dumps(TINY).encode())
    write(root, TENSORS)
    put(root / "1_Pooling", "config.json", b"{}")
    put(root / "2_Dense", "model.safetensors", safetensors_bytes(DENSE))
    return root


def total(path: Path) -> int:
    return int(good("params", str(path), "-o", "json").json()["parameters"]["total"])


def test_the_layers_behind_a_transformer_count(sentences: Path) -> None:
    more = 16 * 64 + 16
    assert total(sentences) == TINY_TOTAL + more
    line = good("estimate", str(sentences), "-o", "json").json()["estimates"][0]
    assert (line["quant"], line["weights_bytes"]) == ("as-stored", 2 * TINY_TOTAL + 4 * more)
    assert line["basis"]["weights"] == "exact"


def test_without_layers_it_is_the_transformer(sentences: Path) -> None:
    put(sentences, "modules.json", json.dumps(MODULES[:2]).encode())
    assert total(sentences) == TINY_TOTAL


def test_an_older_folder(sentences: Path, tmp_path: Path) -> None:
    root = tmp_path / "old"
    put(root, "modules.json", json.dumps([{"path": "0_Transformer"}, {"path": "2_Dense"}]).encode())
    put(root / "0_Transformer", "config.json", json.dumps(TINY).encode())
    put(root / "2_Dense", "pytorch_model.bin", written(DENSE))
    assert total(root) == TINY_TOTAL + 16 * 64 + 16
    put(root / "0_Transformer", "pytorch_model.bin", written(TENSORS))
    line = good("estimate", str(root), "-o", "json").json()["estimates"][0]
    assert line["weights_bytes"] == 2 * TINY_TOTAL + 4 * (16 * 64 + 16)


@pytest.mark.parametrize("runtime", ["transformers", "vllm", "sglang"])
def test_an_encoder_with_a_layer_behind_it_runs_as_it_does_without(tmp_path: Path, runtime: str) -> None:
    root = tmp_path / "bert"
    put(root, "config.json", json.dumps(BERT).encode())
    alone = run("estimate", str(root), "--runtime", runtime, "-q", "fp16", "-o", "json")
    put(root, "modules.json", json.dumps([{"path": ""}, {"path": "2_Dense"}]).encode())
    put(root / "2_Dense", "model.safetensors", safetensors_bytes(DENSE))
    found = run("estimate", str(root), "--runtime", runtime, "-q", "fp16", "-o", "json")
    assert found.status == alone.status
    if not alone.status:
        least, most = (one.json()["estimates"][0]["total_bytes"] for one in (alone, found))
        assert 0 < most - least <= 4 * (16 * 64 + 16) + 4096


@pytest.mark.parametrize(
    ("modules", "why"),
    [
        ("{}", "not a list"),
        ("[]", "0 modules"),
        ("[", "not JSON"),
        (json.dumps([{"path": ""}] * 100), "100 modules"),
        ('[{"path": "../x"}]', "no folder beside it"),
        ('[{"path": 1}]', "no folder beside it"),
        ("[1]", "no folder beside it"),
        ('[{"path": ""}, {"path": "/etc"}]', "no folder beside it"),
    ],
)
def test_lists_of_modules_that_lead_elsewhere(sentences: Path, modules: str, why: str) -> None:
    put(sentences, "modules.json", modules.encode())
    said = run("params", str(sentences))
    assert (said.status, why in said.err) == (4, True)


def test_the_disk_has_each_once(pipeline: Path, sentences: Path, tmp_path: Path) -> None:
    found = {one.name: one for one in models_in(str(tmp_path)) if isinstance(one, KeptModel)}
    assert {name: one.kind.value for name, one in found.items()} == {
        "pipe": "diffusers",
        "sentences": "sentence-transformers",
    }
    files = [sentences / "model.safetensors", sentences / "2_Dense" / "model.safetensors"]
    assert found["sentences"].bytes == sum(path.stat().st_size for path in files)


def test_a_pipeline_on_the_disk_has_no_verdict(pipeline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMA_CACHE", str(pipeline.parent))
    models = good("models", "local", "--gpu", "rtx4090", "-o", "json").json()["models"]
    one = next(model for model in models if model["name"] == "pipe")
    assert (one["parameters"], one["fits"], one["kind"]) == (4 * 8 * 9 + 4 + 6 + 40, None, "diffusers")


def test_a_bare_word_is_a_folder_where_there_is_one(
    pipeline: Path, sentences: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pipeline.parent)
    for reference in ("pipe", "./pipe"):
        assert good("params", reference, "-o", "json").json()["parameters"]["total"] == 338
    assert total(Path("sentences")) == TINY_TOTAL + 16 * 64 + 16
    monkeypatch.chdir(pipeline)
    assert total(Path(".")) == 338
