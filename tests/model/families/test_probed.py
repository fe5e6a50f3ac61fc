"""Families derived by machine: counts of the real class, and what was not tried is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmscale.errors import LlmscaleError, UnsupportedModelError
from llmscale.model.families import from_config, model_types
from llmscale.model.families._expression import UnknownKeyError, evaluate
from llmscale.model.families._packed import common, packed, unpacked
from llmscale.model.inventory import inventory
from tests.helpers import run

#: `SegformerForSemanticSegmentation` of b0, whose published file is that of nvidia/segformer-b0 with 24 labels.
SEGFORMER: dict[str, Any] = {
    "model_type": "segformer",
    "architectures": ["SegformerForSemanticSegmentation"],
    "decoder_hidden_size": 256,
    "depths": [2, 2, 2, 2],
    "hidden_sizes": [32, 64, 160, 256],
    "num_attention_heads": [1, 2, 5, 8],
    "num_encoder_blocks": 4,
    "id2label": {str(number): f"kind {number}" for number in range(24)},
}


def count(**more: Any) -> int:
    return inventory(from_config({**SEGFORMER, **more}, "a file")).total()


def test_it_counts_as_the_class() -> None:
    # transformers 5.24.0 on the meta device
    assert count() == 3_720_312
    assert count(architectures=["SegformerForImageClassification"], id2label={"0": "a", "1": "b"}) == 3_319_906


def test_a_type_that_was_probed_is_one_that_is_known() -> None:
    assert model_types()["segformer"] == "probed"


@pytest.mark.parametrize(
    "more",
    [
        {"architectures": ["SegformerForDivination"]},
        {"hidden_sizes": [32, 64]},
        {"depths": "deep"},
    ],
)
def test_what_was_not_tried_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedModelError) as caught:
        count(**more)
    assert any(str(word) in caught.value.message for word in (*more, "SegformerForDivination"))


@pytest.mark.parametrize("value", [-3, 10**9, True, float("nan")])
def test_numbers_are_bounded(value: Any) -> None:
    with pytest.raises(LlmscaleError):
        count(decoder_hidden_size=value)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (7, 7),
        ("width", 12),
        (["*", "width", ["+", "depths[i-1]", 1]], 36),
        (["//", "len depths", 2], 1),
        ("depths[-1]", 5),
        (["is", "depths[i-2]", None], True),
        (["int", ["*", "width", 0.3]], 3),
        (["ceil", ["/", "width", 5]], 3),
        (["not", ["<=", "width", 12]], False),
        (["if", ["==", ["%", "i", 2], 1], 1, 2], 1),
        (["or", ["is", "kind", "a"], ["<", "i", 1]], True),
    ],
)
def test_expressions(expression: Any, value: Any) -> None:
    assert evaluate(expression, {"width": 12, "depths": [2, 5], "kind": "a"}, {"i": 1}) == value


@pytest.mark.parametrize("expression", ["nothing", "depths[i+4]", "len width", ["+", "none", 1]])
def test_what_nobody_said_is_named(expression: Any) -> None:
    with pytest.raises(UnknownKeyError):
        evaluate(expression, {"width": 12, "depths": [2], "none": None}, {"i": 0})


XGLM: dict[str, Any] = {
    "model_type": "xglm",
    "architectures": ["XGLMForCausalLM"],
    "d_model": 1024,
    "ffn_dim": 4096,
    "num_layers": 24,
    "attention_heads": 16,
    "vocab_size": 256008,
}


def test_another_spelling_of_a_key_counts_as_the_key() -> None:
    other = {**XGLM, "hidden_size": XGLM["d_model"]}
    del other["d_model"]
    # transformers 5.24.0: XGLMForCausalLM of facebook/xglm-564M
    assert (
        inventory(from_config(other, "a file")).total() == inventory(from_config(XGLM, "a file")).total() == 564_463_616
    )


@pytest.mark.parametrize("key", ["d_model", "num_layers", "add_cross_attention"])
def test_null_is_refused_where_it_was_not_tried(key: str) -> None:
    with pytest.raises(UnsupportedModelError, match=key):
        from_config({**XGLM, key: None}, "a file")


@pytest.mark.parametrize("more", [{"num_layers": 10**6}, {"num_layers": 10**12}])
def test_a_damaged_number_does_not_take_minutes(more: dict[str, Any]) -> None:
    with pytest.raises(LlmscaleError):
        from_config({**XGLM, **more}, "a file")


def test_a_part_of_another_type_is_refused_by_name() -> None:
    aria = {
        "model_type": "aria",
        "architectures": ["AriaForConditionalGeneration"],
        "vision_config": {"model_type": "idefics3_vision"},
        "text_config": {"model_type": "bloom"},
    }
    with pytest.raises(UnsupportedModelError, match=r"'bloom', where only 'aria_text'"):
        from_config(aria, "a file")


def test_a_part_has_to_be_there() -> None:
    with pytest.raises(LlmscaleError, match=r"text_config|vision_config"):
        from_config({"model_type": "aria", "architectures": ["AriaForConditionalGeneration"]}, "a file")


@pytest.mark.parametrize("runtime", ["vllm", "llama.cpp"])
def test_what_only_the_tensors_are_known_of_is_refused_by_runtimes_that_are_modelled(
    runtime: str, tmp_path: Path
) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(XGLM), encoding="utf-8")
    refused = run("estimate", str(file), "--runtime", runtime)
    assert refused.status == 4
    assert "xglm" in refused.err
    assert run("estimate", str(file)).status == 0


def test_packing_gives_back_what_was_packed() -> None:
    entries = [{"a": ["model.layers.{}.weight", [1, "x"], True]}, {"b": "é\n"}]
    words = common(entries)
    assert [unpacked(packed(entry, words), words) for entry in entries] == entries


@pytest.mark.parametrize(
    ("architecture", "labels", "total"),
    [("T5ForTokenClassification", 2, 35_331_842), ("T5ForSequenceClassification", 3, 60_770_819)],
)
def test_a_head_that_the_family_does_not_read_counts_as_the_class(architecture: str, labels: int, total: int) -> None:
    # transformers 5.24.0 on the meta device: t5-small
    small = {
        "model_type": "t5",
        "architectures": [architecture],
        "d_model": 512,
        "d_kv": 64,
        "d_ff": 2048,
        "num_layers": 6,
        "num_heads": 8,
        "vocab_size": 32128,
        "feed_forward_proj": "relu",
        "id2label": {str(number): "kind" for number in range(labels)},
    }
    assert inventory(from_config(small, "a file")).total() == total
    assert model_types()["t5"] == "t5"


def test_a_head_of_nobody_is_refused_still() -> None:
    with pytest.raises(UnsupportedModelError, match="T5ForDivination"):
        from_config({"model_type": "t5", "architectures": ["T5ForDivination"], "d_model": 8}, "a file")


def test_a_family_that_somebody_wrote_stands_above_what_was_derived() -> None:
    assert model_types()["whisper"] == "whisper"
    assert model_types()["xglm"] == "probed"
