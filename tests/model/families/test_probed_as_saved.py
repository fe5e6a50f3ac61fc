"""Derived types, as transformers saves their configs: with what the classes make of keys that nobody said."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from llmscale.errors import UnsupportedModelError
from llmscale.model.families import from_config
from llmscale.model.inventory import inventory
from tests.helpers import REPOSITORY

WAVLM: dict[str, Any] = {
    "model_type": "wavlm",
    "architectures": ["WavLMForSequenceClassification"],
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 96,
}
YOUTU: dict[str, Any] = {"model_type": "youtu", "architectures": ["YoutuForCausalLM"]} | {
    "num_hidden_layers": 2,
    "vocab_size": 96,
}
ARIA: dict[str, Any] = {
    "model_type": "aria",
    "architectures": ["AriaForConditionalGeneration"],
    "text_config": {"model_type": "aria_text", "num_hidden_layers": 2},
    "vision_config": {"model_type": "idefics3_vision", "num_hidden_layers": 2},
}


def count(config: dict[str, Any], **more: Any) -> int:
    return inventory(from_config({**config, **more}, "a file")).total()


# The totals are those of the classes of transformers 5.24.0 on the meta device.
@pytest.mark.parametrize(
    ("more", "mask"),
    [
        ({}, 48),
        ({"mask_time_prob": 0.0, "mask_feature_prob": 0.0}, 0),
        ({"mask_time_prob": 0.0, "mask_feature_prob": 0.1}, 48),
    ],
)
def test_a_mask_is_there_where_one_of_two_chances_is(more: dict[str, Any], mask: int) -> None:
    assert count(WAVLM, **more) == 4_297_274 + mask


@pytest.mark.parametrize("more", [{}, {"qk_head_dim": 192}, {"qk_head_dim": 100}])
def test_what_the_class_makes_itself_may_stand_in_a_file(more: dict[str, Any]) -> None:
    assert count(YOUTU, **more) == 106_379_264


def test_a_window_that_the_class_takes_away_is_null_in_a_saved_file() -> None:
    text = {"model_type": "qwen2", "num_hidden_layers": 2, "sliding_window": None}
    vision = {"model_type": "video_llama_3_vision", "num_hidden_layers": 2}
    llama = {"model_type": "video_llama_3", "architectures": ["VideoLlama3ForConditionalGeneration"]}
    assert count(llama, text_config=text, vision_config=vision) == 1_954_686_720


def test_an_empty_list_that_the_class_makes_of_null_may_stand_in_a_file() -> None:
    text = {"model_type": "qwen3_omni_moe_text", "num_hidden_layers": 2, "mlp_only_layers": []}
    omni = {"model_type": "qwen3_omni_moe_thinker", "architectures": ["Qwen3OmniMoeThinkerForConditionalGeneration"]}
    parts = {"vision_config": {"depth": 1}, "audio_config": {"encoder_layers": 1}}
    assert count(omni, text_config=text, **parts) == 1_452_927_092


def test_an_object_that_was_never_varied_is_what_the_class_assumes_or_refused() -> None:
    key = "projector_patch_to_query_dict"
    assert count(ARIA) == count(ARIA, **{key: {"1225": 128, "4900": 256}}) == 1_463_899_264
    with pytest.raises(UnsupportedModelError, match=key):
        count(ARIA, **{key: {"1225": 128, "4900": 300}})


LLAVA: dict[str, Any] = {
    "model_type": "llava_next_video",
    "architectures": ["LlavaNextVideoForConditionalGeneration"],
    "text_config": {"model_type": "llama", "num_hidden_layers": 2},
    "vision_config": {"model_type": "clip_vision_model", "num_hidden_layers": 2},
}
UDOP: dict[str, Any] = {"model_type": "udop", "architectures": ["UdopForConditionalGeneration"], "num_layers": 2}


@pytest.mark.parametrize("more", [{}, {"image_grid_pinpoints": [[336, 672]]}, {"image_grid_pinpoints": [[1], [2, 3]]}])
def test_lists_of_lists_that_change_nothing_may_say_what_they_like(more: dict[str, Any]) -> None:
    assert count(LLAVA, **more) == 703_427_328


@pytest.mark.parametrize("given", [[[336, "672"]], [[-1, 2]], [[336, 10**12]], [[True]], [{"a": 1}], [], "all"])
def test_lists_of_other_things_are_refused_by_name(given: Any) -> None:
    with pytest.raises(UnsupportedModelError, match="image_grid_pinpoints"):
        count(LLAVA, image_grid_pinpoints=given)


def test_a_list_of_objects_is_the_one_that_the_class_makes_or_refused() -> None:
    own = [{"type": "1d"}, {"type": "horizontal"}, {"type": "vertical"}]
    assert count(UDOP) == count(UDOP, relative_bias_args=own) == 96_405_504
    for other in ([{"type": "1d"}], own[::-1], own[:2]):  # each is one table less, or another order that nobody tried
        with pytest.raises(UnsupportedModelError, match="relative_bias_args"):
            count(UDOP, relative_bias_args=other)


def test_a_list_of_dimensions_must_not_be_empty_unless_that_was_tried() -> None:
    segformer = {"model_type": "segformer", "architectures": ["SegformerForImageClassification"]}
    with pytest.raises(UnsupportedModelError, match="depths"):
        count(segformer, depths=[])


def test_who_asks_about_no_derived_type_does_not_read_them() -> None:
    program = (
        "import sys\n"
        "from llmscale.cli.app import main\n"
        "from llmscale.store import tables\n"
        "sys.argv = ['llmscale', 'estimate', 'qwen3-8b']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('probed' in tables.READ, 'models' in tables.READ)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.splitlines()[-1] == "False True"
