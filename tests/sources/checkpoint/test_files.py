"""A checkpoint is counted by the headers of its files: every byte and parameter, with its config or without one."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmscale import load
from llmscale.errors import InputFileError
from llmscale.model.families import from_config
from llmscale.model.inventory import inventory
from tests.helpers import TINY, TINY_TOTAL, run
from tests.safetensors_files import Tensors, safetensors_bytes, size, write

#: The tensors of `TINY` as its checkpoint has them.
TENSORS: Tensors = {
    group.name.replace("{layer}", str(layer)): ("BF16", group.shape)
    for group in inventory(from_config(TINY, "tiny")).groups
    for layer in group.layers or (0,)
}


def answer(*arguments: str) -> Any:
    said = run(*arguments, "-o", "json")
    assert said.status == 0, said.err
    return said.json()


def checkpoint(folder: Path, config: dict[str, Any] | None = TINY, tensors: Tensors = TENSORS, shards: int = 1) -> str:
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config))
    write(folder, tensors, shards)
    return str(folder)


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("config", [TINY, None, TINY | {"model_type": "nobody-knows"}])
def test_bytes_and_parameters(tmp_path: Path, shards: int, config: dict[str, Any] | None) -> None:
    path = checkpoint(tmp_path, config, shards=shards)
    line = answer("estimate", path)["estimates"][0]
    assert (line["quant"], line["weights_bytes"]) == ("as-stored", size(TENSORS))
    assert line["basis"]["weights"] == "exact"
    assert answer("params", path)["parameters"]["total"] == TINY_TOTAL


def test_cache_follows_from_the_config_and_is_assumed_without(tmp_path: Path) -> None:
    path = checkpoint(tmp_path)
    line = answer("estimate", path, "-c", "512")["estimates"][0]
    assert (line["kv_cache_bytes"], line["basis"]["kv_cache"]) == (2 * 2 * 512 * 32 * 2, "exact")
    line = answer("estimate", f"{path}/model.safetensors", "-c", "512")["estimates"][0]
    assert line["kv_cache_bytes"] == 2 * 2 * 512 * 32 * 2
    (tmp_path / "config.json").unlink()
    assert answer("estimate", path)["estimates"][0]["basis"]["kv_cache"] == "assumed"


def test_what_differs_from_the_config_is_said(tmp_path: Path) -> None:
    more = {name: entry for name, entry in TENSORS.items() if name != "lm_head.weight"}
    more["model.mtp.proj.weight"] = ("BF16", (64, 128))
    said = run("params", checkpoint(tmp_path, tensors=more)).out
    assert "lack lm_head.weight of the config's model (6,400 parameters)" in said
    assert "mtp.proj.weight besides the config's model (8,192 parameters)" in said


def packed(method: str) -> Tensors:
    """A linear layer of 128 inputs and 256 outputs in four bits."""
    name = "model.layers.0.mlp.up_proj"
    found: dict[str, dict[str, tuple[str, tuple[int, ...]]]] = {
        "gptq": {
            f"{name}.qweight": ("I32", (16, 256)),
            f"{name}.qzeros": ("I32", (1, 32)),
            f"{name}.scales": ("F16", (1, 256)),
            f"{name}.g_idx": ("I32", (128,)),
        },
        "compressed-tensors": {
            f"{name}.weight_packed": ("I32", (256, 16)),
            f"{name}.weight_scale": ("BF16", (256, 1)),
            f"{name}.weight_shape": ("I64", (2,)),
        },
        "bitsandbytes": {
            f"{name}.weight": ("U8", (16384, 1)),
            f"{name}.weight.absmax": ("U8", (512,)),
            f"{name}.weight.quant_map": ("F32", (16,)),
            f"{name}.weight.quant_state.bitsandbytes__nf4": ("U8", (80,)),
        },
        "mlx": {
            f"{name}.weight": ("U32", (256, 16)),
            f"{name}.scales": ("F16", (256, 2)),
            f"{name}.biases": ("F16", (256, 2)),
        },
        "fp8": {
            f"{name}.weight": ("F8_E4M3", (256, 128)),
            f"{name}.weight_scale_inv": ("F32", (2, 1)),
        },
        "mxfp4": {
            f"{name}_blocks": ("U8", (256, 64)),
            f"{name}_scales": ("U8", (256, 4)),
        },
    }
    return found[method]


@pytest.mark.parametrize("method", ["gptq", "compressed-tensors", "bitsandbytes", "mlx", "fp8", "mxfp4"])
def test_packed_weights_are_counted_unpacked(tmp_path: Path, method: str) -> None:
    tensors = packed(method)
    path = checkpoint(tmp_path, None, tensors)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "nobody-knows", "quantization": {"bits": 4}}))
    assert answer("params", path)["parameters"]["total"] == 128 * 256
    assert answer("estimate", path)["estimates"][0]["weights_bytes"] == size(tensors)


def test_experts_are_counted_once_each(tmp_path: Path) -> None:
    tensors: Tensors = {
        f"model.layers.{layer}.mlp.experts.{expert}.w1.weight": ("BF16", (8, 16))
        for layer in range(2)
        for expert in range(4)
    }
    path = checkpoint(tmp_path, None, tensors)
    assert answer("params", path)["parameters"]["components"]["experts"] == 8 * 8 * 16


def test_adapter(tmp_path: Path) -> None:
    tensors: Tensors = {
        f"base_model.model.model.layers.{layer}.self_attn.q_proj.lora_{part}.weight": ("F32", shape)
        for layer in range(2)
        for part, shape in (("A", (8, 64)), ("B", (64, 8)))
    }
    (tmp_path / "adapter_model.safetensors").write_bytes(safetensors_bytes(tensors))
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 8, "base_model_name_or_path": "some/base"}))
    said = run("params", str(tmp_path)).out
    assert "A LoRA adapter of rank 8: it adds 2,048 parameters and 8,192 bytes to some/base." in said


def index(tmp_path: Path, named: object) -> str:
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": named}))
    return str(path)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..", "a/b.safetensors", "", "a\\b", 7, None, "\x1b[31m/x"]
)
def test_an_index_never_leads_out_of_its_folder(tmp_path: Path, name: object) -> None:
    said = run("estimate", index(tmp_path, {"a": name}))
    assert said.status == 4
    assert "no file beside it" in said.err
    assert "\x1b" not in said.err


def test_missing_shards_are_named(tmp_path: Path) -> None:
    said = run("estimate", index(tmp_path, {"a": "a.safetensors", "b": "b.safetensors"}))
    assert (said.status, "a.safetensors" in said.err) == (4, True)


@pytest.mark.parametrize(
    ("names", "word"),
    [
        ({}, "has no weight_map"),
        ({f"t{n}": f"{n}.safetensors" for n in range(10_001)}, "10,001 files"),
    ],
)
def test_indices_of_no_checkpoint_are_refused(tmp_path: Path, names: dict[str, str], word: str) -> None:
    said = run("estimate", index(tmp_path, names))
    assert said.status == 4
    assert word in said.err


def test_a_tensor_in_two_shards_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.safetensors").write_bytes(safetensors_bytes({"x.weight": ("F16", (2, 2))}))
    said = run("estimate", index(tmp_path, {"x": "a.safetensors", "y": "b.safetensors"}))
    assert said.status == 4
    assert "two files name the same tensor" in said.err


def of_json(header: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "no safetensors"),
        ((1 << 62).to_bytes(8, "little") + b"{}", "no safetensors"),
        ((100).to_bytes(8, "little") + b"{}", "ends inside"),
        ((2).to_bytes(8, "little") + b"[]", "not an object"),
        ((2).to_bytes(8, "little") + b"{}", "no tensors"),
        (of_json(b'{"a": 7}'), "is not described by an object"),
        (of_json(b'{"a": {"dtype": "F16", "shape": [2], "data_offsets": [0]}}'), "does not say where its data stand"),
        ((4).to_bytes(8, "little") + b"\xff\xff\xff\xff", "not text"),
        (safetensors_bytes({"a": ("F32", (2, 2))}).replace(b"F32", b"F99"), "F99"),
        (safetensors_bytes({"a": ("F32", (2, 2))}).replace(b"[2, 2]", b"[2, 3]"), "16 bytes"),
        (safetensors_bytes({"a": ("F32", (2, 2))}).replace(b"[2, 2]", b"[2,-2]"), "no shape"),
    ],
)
def test_refusals(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    said = run("estimate", str(path))
    assert (said.status, said.out) == (4, "")
    assert word in said.err
    assert len(said.err) < 500


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 800), raw=st.binary(min_size=1, max_size=12), cut=st.integers(0, 1200))
def test_damaged_headers_are_an_answer_or_one_refusal(tmp_path: Path, at: int, raw: bytes, cut: int) -> None:
    good = safetensors_bytes(dict(list(TENSORS.items())[:6]), data=False)
    path = tmp_path / "a.safetensors"
    path.write_bytes((good[:at] + raw + good[at + len(raw) :])[: cut or None])
    said = ""
    try:
        load(str(path))
    except InputFileError as error:
        said = error.message
    assert len(said) < 400
    assert said.isprintable()


def test_sizes_of_the_writer_are_those_of_the_format() -> None:
    raw = safetensors_bytes({"a": ("F32", (3, 5))})
    assert len(raw) - 8 - int.from_bytes(raw[:8], "little") == 4 * prod((3, 5))
