"""Well-known models of derived types, as their published files say them: the totals of the classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmscale.errors import UnsupportedModelError
from llmscale.model.families import from_config
from llmscale.model.inventory import inventory
from tests.helpers import run

GOT_OCR: dict[str, Any] = {
    "model_type": "got_ocr2",
    "architectures": ["GotOcr2ForConditionalGeneration"],
    "image_seq_length": 576,
    "image_token_index": 151859,
    "torch_dtype": "bfloat16",
    "text_config": {
        "model_type": "qwen2",
        "hidden_size": 1024,
        "intermediate_size": 2816,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "num_key_value_heads": 16,
        "vocab_size": 151860,
        "rope_theta": 1000000.0,
        "rms_norm_eps": 1e-06,
        "max_position_embeddings": 32768,
        "tie_word_embeddings": True,
    },
    "vision_config": {},
}
MAE: dict[str, Any] = {
    "model_type": "vit_mae",
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "image_size": 224,
    "patch_size": 16,
    "mask_ratio": 0.75,
    "norm_pix_loss": True,
}
SPEECHT5: dict[str, Any] = {"model_type": "speecht5", "encoder_layers": 12, "decoder_layers": 6, "hidden_size": 768}

RESNET: dict[str, Any] = {
    "model_type": "resnet",
    "depths": [3, 4, 6, 3],
    "hidden_sizes": [256, 512, 1024, 2048],
    "embedding_size": 64,
    "layer_type": "bottleneck",
}
LONGT5: dict[str, Any] = {"model_type": "longt5", "d_model": 512, "d_ff": 2048, "num_layers": 6, "num_heads": 8}
PARAKEET: dict[str, Any] = {
    "model_type": "parakeet_ctc",
    "vocab_size": 1025,
    "encoder_config": {"model_type": "parakeet_encoder", "hidden_size": 1024, "num_hidden_layers": 24},
}
JANUS: dict[str, Any] = {
    "model_type": "janus",
    "text_config": {
        "model_type": "llama",
        "vocab_size": 102400,
        "hidden_size": 2048,
        "intermediate_size": 5632,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
    },
}
INKLING: dict[str, Any] = {
    "model_type": "inkling2",
    "text_config": {"model_type": "inkling2_text", "hidden_size": 4608},
    "vision_config": {"model_type": "inkling2_vision"},
}
MISTRAL: dict[str, Any] = {
    "model_type": "mistral_large4",
    "text_config": {"model_type": "mistral_large4_text", "hidden_size": 6144},
    "vision_config": {"model_type": "pixtral"},
}
SEAMLESS: dict[str, Any] = {"model_type": "seamless_m4t", "vocab_size": 256102, "hidden_size": 1024}
SEAMLESS2: dict[str, Any] = {"model_type": "seamless_m4t_v2", "vocab_size": 256102, "hidden_size": 1024}
CANARY: dict[str, Any] = {"model_type": "canary", "encoder_config": {"model_type": "parakeet_encoder"}}


# transformers 5.24.0 on the meta device.
@pytest.mark.parametrize(
    ("config", "architecture", "total"),
    [
        (GOT_OCR, "GotOcr2ForConditionalGeneration", 560_528_640),
        ({key: value for key, value in GOT_OCR.items() if key != "vision_config"}, "GotOcr2Model", 560_528_640),
        (MAE, "ViTMAEModel", 85_798_656),
        (RESNET, "ResNetForImageClassification", 23_512_130),
        (LONGT5, "LongT5ForConditionalGeneration", 60_506_624),
        (PARAKEET, "ParakeetForCTC", 608_799_745),
        (SPEECHT5, "SpeechT5ForSpeechToText", 151_165_056),
        (SPEECHT5, "SpeechT5ForTextToSpeech", 144_431_684),
        (JANUS, "JanusForConditionalGeneration", 1_866_921_611),
        (INKLING, "Inkling2ForConditionalGeneration", 594_046_190_592),
        (MISTRAL, "MistralLarge4ForConditionalGeneration", 1_050_569_928_224),
        (SEAMLESS, "SeamlessM4TForSpeechToText", 1_526_945_088),
        (SEAMLESS, "SeamlessM4TModel", 2_359_990_658),
        (SEAMLESS2, "SeamlessM4Tv2ForSpeechToText", 1_501_842_240),
        (SEAMLESS2, "SeamlessM4Tv2Model", 2_309_249_669),
        (CANARY, "CanaryForConditionalGeneration", 758_920_192),
    ],
)
def test_it_counts_as_the_class(config: dict[str, Any], architecture: str, total: int, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({**config, "architectures": [architecture]}), encoding="utf-8")
    said = json.loads(run("params", str(file), "-o", "json").out)
    assert said["parameters"]["total"] == total


def test_a_text_part_has_to_be_there_though_the_class_has_one_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"model_type": "got_ocr2", "vision_config": {}}), encoding="utf-8")
    refused = run("params", str(file))
    assert refused.status != 0
    assert "text_config" in refused.err


def depth_anything(hidden: int, layers: int, neck: list[int], fusion: int, **more: Any) -> dict[str, Any]:
    """As the conversion of transformers writes its files: DINOv2's own config, and which stages it gives out."""
    backbone = {
        "model_type": "dinov2",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": hidden // 64,
        "image_size": 518,
        "patch_size": 14,
        "reshape_hidden_states": False,
    }
    return {
        "model_type": "depth_anything",
        "architectures": ["DepthAnythingForDepthEstimation"],
        "reassemble_hidden_size": hidden,
        "neck_hidden_sizes": neck,
        "fusion_hidden_size": fusion,
        "backbone_config": {**backbone, **more},
    }


# Depth Anything V2's README has 24.8M, 97.5M, 335.3M; the stages are those of the conversions of both versions.
@pytest.mark.parametrize(
    ("config", "total"),
    [
        (depth_anything(384, 12, [48, 96, 192, 384], 64, out_features=["stage3", "stage12"]), 24_785_089),
        (depth_anything(768, 12, [96, 192, 384, 768], 128, out_indices=[9, 10, 11, 12]), 97_470_785),
        (
            depth_anything(1024, 24, [256, 512, 1024, 1024], 256, out_features=["stage21", "stage24"]),
            335_315_649,
        ),
    ],
)
def test_stages_of_any_depth_change_no_tensor_of_depth_anything(config: dict[str, Any], total: int) -> None:
    assert inventory(from_config(config, "a file")).total() == total


@pytest.mark.parametrize(
    "stages", [["stage4", "stage2"], ["stage2", "stage2"], ["stage0"], ["layer1"], ["stage1", 2], "stage1"]
)
def test_what_names_no_stages_in_their_order_is_refused(stages: Any) -> None:
    config = depth_anything(384, 12, [48, 96, 192, 384], 64, out_features=stages)
    with pytest.raises(UnsupportedModelError, match="out_features"):
        from_config(config, "a file")
