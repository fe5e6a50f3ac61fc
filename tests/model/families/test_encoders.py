"""BERT's relatives and vision transformers: what stands on top, counted by hand on small configs."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.errors import InputFileError, UnsupportedModelError
from llmscale.model.families import from_config
from llmscale.model.inventory import inventory
from llmscale.model.spec import ModelSpec

W, FF, V = 64, 128, 100
BERT: dict[str, Any] = {
    "model_type": "bert",
    "hidden_size": W,
    "num_hidden_layers": 2,
    "intermediate_size": FF,
    "num_attention_heads": 4,
    "vocab_size": V,
    "max_position_embeddings": 32,
    "type_vocab_size": 2,
}
LAYER = 4 * (W * W + W) + 2 * W * FF + FF + W + 4 * W
BODY = (V + 32 + 2) * W + 2 * W + 2 * LAYER
DENSE = W * W + W


def read(config: dict[str, Any], **changes: Any) -> ModelSpec:
    return from_config({**config, **changes}, "config.json")


def total(config: dict[str, Any], **changes: Any) -> int:
    return inventory(read(config, **changes)).total()


def labels(head: str) -> dict[str, int]:
    """Only classifiers have labels."""
    return {"num_labels": 3} if head.endswith(("Classification", "Answering")) else {}


@pytest.mark.parametrize(
    ("head", "more"),
    [
        ("BertModel", DENSE),
        ("BertForMaskedLM", DENSE + 2 * W + V),
        ("BertForPreTraining", DENSE + DENSE + 2 * W + V + 2 * W + 2),
        ("BertForSequenceClassification", DENSE + 3 * W + 3),
        ("BertForTokenClassification", 3 * W + 3),
        ("BertForQuestionAnswering", 3 * W + 3),
    ],
)
def test_bert_with_each_head(head: str, more: int) -> None:
    assert total(BERT, architectures=[head], **labels(head)) == BODY + more


@pytest.mark.parametrize(
    ("head", "more"),
    [
        ("RobertaModel", DENSE),
        ("RobertaForMaskedLM", DENSE + 2 * W + V),
        ("RobertaForSequenceClassification", DENSE + 3 * W + 3),
        ("RobertaForTokenClassification", 3 * W + 3),
    ],
)
def test_roberta_with_each_head(head: str, more: int) -> None:
    config = {**BERT, "model_type": "roberta"}
    assert total(config, architectures=[head], **labels(head)) == BODY + more
    assert read(config, architectures=[head]).max_context == 30


def test_a_masked_language_head_that_is_not_tied_is_stored() -> None:
    mlm = {**BERT, "architectures": ["BertForMaskedLM"]}
    older = {**mlm, "transformers_version": "4.57.1"}
    assert total(older, tie_word_embeddings=False) == total(mlm) + V * W
    assert total(mlm, tie_word_embeddings=False) == total(mlm) + V * W + V  # a second bias, as transformers 5 has it


def test_ernie_may_embed_tasks() -> None:
    ernie = {**BERT, "model_type": "ernie", "task_type_vocab_size": 3}
    assert total(ernie) == BODY + DENSE
    assert total(ernie, use_task_id=True) == BODY + DENSE + 3 * W


def test_learned_relative_positions_are_refused() -> None:
    assert total(BERT, position_embedding_type="absolute") == BODY + DENSE
    with pytest.raises(UnsupportedModelError, match="position_embedding_type"):
        read(BERT, position_embedding_type="relative_key")


def test_an_unknown_head_is_refused() -> None:
    for model_type, head in (("bert", "BertForDivination"), ("roberta", "RobertaForPreTraining")):
        with pytest.raises(UnsupportedModelError, match=head) as caught:
            read(BERT, model_type=model_type, architectures=[head])
        assert "ForMaskedLM" in caught.value.hint


DISTIL: dict[str, Any] = {
    "model_type": "distilbert",
    "dim": W,
    "n_layers": 2,
    "hidden_dim": FF,
    "n_heads": 4,
    "vocab_size": V,
    "max_position_embeddings": 32,
}


@pytest.mark.parametrize(
    ("head", "more"),
    [
        ("DistilBertModel", 0),
        ("DistilBertForMaskedLM", DENSE + 2 * W + V),
        ("DistilBertForSequenceClassification", DENSE + 3 * W + 3),
        ("DistilBertForTokenClassification", 3 * W + 3),
        ("DistilBertForQuestionAnswering", 3 * W + 3),
    ],
)
def test_distilbert_with_each_head(head: str, more: int) -> None:
    assert total(DISTIL, architectures=[head], **labels(head)) == BODY - 2 * W + more


def test_distilbert_with_an_unknown_head() -> None:
    with pytest.raises(UnsupportedModelError, match="DistilBertForDivination"):
        read(DISTIL, architectures=["DistilBertForDivination"])


VIT: dict[str, Any] = {
    "model_type": "vit",
    "hidden_size": W,
    "num_hidden_layers": 2,
    "intermediate_size": FF,
    "num_attention_heads": 4,
    "image_size": 32,
    "patch_size": 8,
}
VIT_BODY = W + 17 * W + 3 * 8 * 8 * W + W + 2 * LAYER + 2 * W


def test_vit_sees_its_patches_and_one_class_token() -> None:
    assert read(VIT).sequence == 17
    assert total(VIT) == VIT_BODY + DENSE
    assert total(VIT, qkv_bias=False) == VIT_BODY + DENSE - 2 * 3 * W
    assert total(VIT, num_channels=1) == VIT_BODY + DENSE - 2 * 8 * 8 * W
    assert total(VIT, pooler_output_size=10) == VIT_BODY + 10 * W + 10


def test_vit_classifies_or_not() -> None:
    classifier = {**VIT, "architectures": ["ViTForImageClassification"]}
    assert total(classifier, num_labels=1000) == VIT_BODY + 1000 * (W + 1)
    assert total(classifier, num_labels=0) == VIT_BODY
    with pytest.raises(UnsupportedModelError, match="ViTForMaskedImageModeling"):
        read(VIT, architectures=["ViTForMaskedImageModeling"])
    with pytest.raises(InputFileError, match="not a multiple of its patches"):
        read(VIT, image_size=33)


SWIN: dict[str, Any] = {
    "model_type": "swin",
    "embed_dim": 16,
    "depths": [1, 2],
    "num_heads": [2, 4],
    "window_size": 3,
    "image_size": 32,
    "patch_size": 4,
}


def swin_layer(width: int, heads: int) -> int:
    return 4 * (width * width + width) + 5 * 5 * heads + 8 * width * width + 4 * width + width + 4 * width


SWIN_BODY = (3 * 4 * 4 * 16 + 16) + 2 * 16 + swin_layer(16, 2) + (2 * 64 + 32 * 64) + 2 * swin_layer(32, 4) + 2 * 32


def test_swin_doubles_its_width_where_patches_merge() -> None:
    assert total(SWIN) == SWIN_BODY
    assert read(SWIN).sequence == 64
    assert total(SWIN, use_absolute_embeddings=True) == SWIN_BODY + 64 * 16
    assert total(SWIN, mlp_ratio=2.0) == SWIN_BODY - (4 * 16 * 16 + 2 * 16) - 2 * (4 * 32 * 32 + 2 * 32)


def test_swin_classifies_or_not() -> None:
    classifier = {**SWIN, "architectures": ["SwinForImageClassification"]}
    assert total(classifier, num_labels=10) == SWIN_BODY + 10 * 33
    assert total(classifier, num_labels=0) == SWIN_BODY
    with pytest.raises(UnsupportedModelError, match="SwinForMaskedImageModeling"):
        read(SWIN, architectures=["SwinForMaskedImageModeling"])


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"num_heads": [2]}, "2 depths but 1 numbers of heads"),
        ({"num_heads": [2, 5]}, "not a multiple of its 5 heads"),
        ({"mlp_ratio": True}, "mlp_ratio = True"),
        ({"mlp_ratio": "4"}, "mlp_ratio = '4'"),
        ({"mlp_ratio": 0}, "mlp_ratio = 0"),
        ({"mlp_ratio": 1e9}, "mlp_ratio"),
    ],
)
def test_a_swin_that_contradicts_itself(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(InputFileError, match=word):
        read(SWIN, **changes)
