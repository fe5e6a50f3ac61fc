"""Derived types, each by a file that says what its class cannot do without: the totals of the classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmscale.errors import UnsupportedModelError
from llmscale.model.families import from_config
from llmscale.model.inventory import inventory
from tests.helpers import TRUTH, run

STREAMED = "MoonshineStreamingForConditionalGeneration"
TOWER = {"text_config": {"model_type": "owlv2_text_model"}}

# transformers 5.24.0 on the meta device: what each class assumes, and what changes with a key or the head.
TOTALS: list[tuple[str, str, dict[str, Any], int]] = [
    ("cohere_asr", "CohereAsrForConditionalGeneration", {}, 2_065_647_872),
    ("data2vec-audio", "Data2VecAudioForSequenceClassification", {}, 93_361_666),
    ("data2vec-vision", "Data2VecVisionForImageClassification", {}, 85_658_114),
    ("flaubert", "FlaubertWithLMHeadModel", {}, 667_119_041),
    ("detr", "DetrForObjectDetection", {}, 41_501_895),
    ("detr", "DetrForObjectDetection", {"backbone_config": None, "backbone": "resnet50", "num_labels": 91}, 41_524_768),
    ("detr", "DetrForObjectDetection", {"backbone": "resnet101", "dilation": True}, 60_441_799),
    (
        "ernie4_5_vl_moe",
        "Ernie4_5_VLMoeForConditionalGeneration",
        {"text_config": {"model_type": "ernie4_5_vl_moe_text"}},
        29_399_294_336,
    ),
    ("fnet", "FNetForMaskedLM", {}, 83_485_184),
    ("git", "GitForCausalLM", {}, 176_619_066),
    ("git", "GitForCausalLM", {"num_image_with_embedding": 6}, 176_623_674),
    ("lfm3_vl", "Lfm3VlForConditionalGeneration", {"text_config": {"model_type": "lfm3"}}, 1_918_181_888),
    ("luke", "LukeForMaskedLM", {}, 314_445_435),
    ("mobilebert", "MobileBertForMaskedLM", {}, 36_596_538),
    ("mobilevit", "MobileViTForImageClassification", {}, 4_938_914),
    ("moonshine_streaming", STREAMED, {"num_key_value_heads": 8}, 44_054_721),
    (
        "moonshine_streaming",
        STREAMED,
        {"num_key_value_heads": 2, "hidden_size": 640, "num_hidden_layers": 4},
        70_963_201,
    ),
    ("owlv2", "Owlv2ForObjectDetection", TOWER, 153_971_464),
    ("owlvit", "OwlViTForObjectDetection", {"text_config": {"model_type": "owlvit_text_model"}}, 153_231_879),
    ("sew", "SEWForSequenceClassification", {}, 93_393_794),
    ("sew-d", "SEWDForSequenceClassification", {}, 93_787_010),
    ("splinter", "SplinterForPreTraining", {}, 112_439_808),
    ("squeezebert", "SqueezeBertForMaskedLM", {}, 51_712_314),
    ("superpoint", "SuperPointForKeypointDetection", {}, 1_300_865),
    ("swin2sr", "Swin2SRForImageSuperResolution", {}, 12_091_571),
    ("tapas", "TapasForMaskedLM", {}, 110_703_930),
    ("timesformer", "TimesformerForVideoClassification", {}, 121_260_290),
    ("unispeech-sat", "UniSpeechSatForSequenceClassification", {}, 94_569_090),
    ("videomae", "VideoMAEForPreTraining", {}, 94_209_408),
    ("vivit", "VivitModel", {}, 89_236_992),
    ("vjepa2", "VJEPA2ForVideoClassification", {}, 375_309_698),
    ("wav2vec2-conformer", "Wav2Vec2ConformerForSequenceClassification", {}, 179_927_682),
    ("yolos", "YolosModel", {}, 103_170_816),
]


def config_of(model_type: str, architecture: str, more: dict[str, Any]) -> dict[str, Any]:
    return {"model_type": model_type, "architectures": [architecture], **more}


@pytest.mark.parametrize(("model_type", "architecture", "more", "total"), TOTALS)
def test_it_counts_as_the_class(model_type: str, architecture: str, more: dict[str, Any], total: int) -> None:
    assert inventory(from_config(config_of(model_type, architecture, more), "a file")).total() == total


def test_a_user_is_told_the_same(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config_of(*TOTALS[-1][:3])), encoding="utf-8")
    assert json.loads(run("params", str(file), "-o", "json").out)["parameters"]["total"] == TOTALS[-1][3]


@pytest.mark.parametrize(("model_type", "architecture", "more", "total"), TOTALS)
def test_a_class_that_was_not_derived_is_refused_by_name(
    model_type: str, architecture: str, more: dict[str, Any], total: int
) -> None:
    del architecture, total
    with pytest.raises(UnsupportedModelError, match="ForDivination"):
        from_config(config_of(model_type, "ForDivination", more), "a file")


def test_what_a_class_needs_and_its_config_does_not_assume_has_to_be_said() -> None:
    heard = config_of("moonshine_streaming", STREAMED, {})
    with pytest.raises(UnsupportedModelError, match="num_key_value_heads"):
        from_config(heard, "a file")


@pytest.mark.parametrize(
    ("key", "value"),
    [("backbone", "swin_tiny"), ("use_timm_backbone", False), ("backbone_config", {"model_type": "resnet"})],
)
def test_a_backbone_that_was_not_tried_is_refused_by_its_key(key: str, value: Any) -> None:
    with pytest.raises(UnsupportedModelError, match=key):
        from_config(config_of("detr", "DetrForObjectDetection", {key: value}), "a file")


OWN: list[dict[str, Any]] = json.loads((TRUTH / "derived.json").read_text(encoding="utf-8"))["rows"]


@pytest.mark.parametrize("row", OWN, ids=lambda row: row["class"])
def test_what_each_class_assumes_is_counted(row: dict[str, Any]) -> None:
    """Parameters of the class on the meta device; of one with a router's correction also that buffer."""
    assert inventory(from_config(row["config"], "a file")).total() == row["total"]
