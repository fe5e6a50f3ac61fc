"""llama.cpp's names of models and tensors: what the table says, and what it may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmscale.compile.registry import make
from llmscale.errors import InputFileError
from llmscale.formats.gguf.names import architecture_of, gguf_name, is_dropped, stripped
from llmscale.formats.gguf.shapes import heads_norm
from llmscale.model.families import model_types
from llmscale.model.inventory import inventory
from llmscale.sources.registry import load
from llmscale.store.tables import table
from llmscale.store.yaml_file import YamlFile
from tests.helpers import REPOSITORY

FILE = REPOSITORY / "data" / "gguf_names.yaml"


def refusal(tmp_path: Path, text: str) -> str:
    path = tmp_path / "gguf_names.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputFileError) as caught:
        make("gguf_names", YamlFile.read(str(path)))
    return caught.value.message


def test_an_architecture_is_that_of_the_model_or_of_its_text_part() -> None:
    assert architecture_of("mistral", "") == "llama"
    assert architecture_of("llava", "qwen2") == "qwen2"
    assert architecture_of("qwen2_vl", "qwen2_vl_text") == "qwen2vl"
    assert architecture_of("rwkv", "") == ""


def test_every_model_type_is_one_of_ours() -> None:
    names = table("gguf_names")
    assert {*names["architectures"], *names["wrappers"]} <= set(model_types())


@pytest.mark.parametrize(
    ("arch", "published", "name"),
    [
        ("llama", "model.layers.{layer}.self_attn.q_proj.weight", "blk.{layer}.attn_q.weight"),
        ("qwen2", "model.layers.{layer}.self_attn.q_proj.bias", "blk.{layer}.attn_q.bias"),
        ("llama", "model.layers.{layer}.post_attention_layernorm.weight", "blk.{layer}.ffn_norm.weight"),
        ("gemma2", "model.layers.{layer}.post_attention_layernorm.weight", "blk.{layer}.post_attention_norm.weight"),
        ("deepseek2", "model.layers.{layer}.mlp.experts.{expert}.up_proj.weight", "blk.{layer}.ffn_up_exps.weight"),
        ("mamba2", "backbone.layers.{layer}.mixer.dt_bias", "blk.{layer}.ssm_dt.bias"),
        ("llama", "model.layers.{layer}.self_attn.nothing.weight", None),
        ("minicpm3", "model.layers.{layer}.self_attn.q_proj.weight", None),
    ],
)
def test_a_tensor_has_the_name_of_its_architecture(arch: str, published: str, name: str | None) -> None:
    assert gguf_name(arch, stripped(published)) == name


def test_a_pooler_is_left_out_of_bert_alone() -> None:
    assert is_dropped("bert", "pooler.dense.weight")
    assert not is_dropped("llama", "pooler.dense.weight")


def test_an_exception_of_an_unknown_architecture_is_refused_by_line(tmp_path: Path) -> None:
    text = FILE.read_text(encoding="utf-8").replace("  lfm2moe:\n", "  lfm3moe:\n")
    assert "renamed: no model type has the architecture 'lfm3moe'" in refusal(tmp_path, text)


def test_a_part_that_is_missing_is_refused_by_name(tmp_path: Path) -> None:
    text = FILE.read_text(encoding="utf-8").replace("\nwrappers:", "\nwrapper:")
    assert "wrappers" in refusal(tmp_path, text)


def test_norms_of_single_heads_are_one_tensor_of_q_and_one_of_k() -> None:
    """StableLM 2 12B: 32 heads and 8 of K, 160 wide."""
    spec = load("stablelm-2-12b").known()
    for published, ours, heads in (("q_layernorm", "attn_q_norm", 32), ("k_layernorm", "attn_k_norm", 8)):
        (first,) = [group for group in inventory(spec).groups if f".{published}.norms.0." in group.name]
        assert heads_norm(first, spec) == [(f"blk.{{layer}}.{ours}.weight", (heads, 160))]
