"""What llama-server loads with a model: where it lies, what it leaves for the model, and what cannot be."""

from __future__ import annotations

import pytest

from llmscale import estimate
from llmscale.answers.results.estimate import Estimate
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.runtimes.llama_cpp.companions import projector_of
from llmscale.units import MIB
from tests.helpers import process
from tests.runtimes.llama_cpp.test_placement import subject, work

LARGE, SMALL = "qwen2.5-32b", "qwen2.5-0.5b"


def one(model: str, gpu: str = "rtx4090", quant: str = "q4_k_m", context: int = 8192, **options: object) -> Estimate:
    found = estimate(model, [quant], context=context, gpus=[gpu], options=options)
    return found.estimates[0]


def test_a_tower_lies_on_the_device_and_leaves_the_model_as_it_is() -> None:
    bare, seeing = one("gemma-3-12b"), one("gemma-3-12b", mmproj="bf16")
    assert bare.mmproj_bytes is None
    assert seeing.mmproj_bytes is not None
    assert seeing.weights_bytes == bare.weights_bytes
    assert seeing.total_bytes == bare.total_bytes + seeing.mmproj_bytes
    assert seeing.devices[0].headroom_bytes == bare.devices[0].headroom_bytes - seeing.mmproj_bytes
    short, long = (one("gemma-3-12b", "12GiB", mmproj=form).devices[0].max_context or 0 for form in ("f16", ""))
    assert 0 < short < long


def test_a_tower_takes_the_first_of_several_devices() -> None:
    bare, seeing = one("gemma-3-27b", "2x rtx3090"), one("gemma-3-27b", "2x rtx3090", mmproj="f16")
    assert seeing.devices[0].headroom_bytes < bare.devices[0].headroom_bytes
    assert (seeing.mmproj_bytes or 0) > bare.devices[0].headroom_bytes - seeing.devices[0].headroom_bytes > 0


def test_a_tower_pushes_layers_off_a_small_device() -> None:
    bare, seeing = (one("gemma-3-12b", "8GiB", mmproj=form).devices[0].gpu_layers or 0 for form in ("", "f16"))
    assert 0 < seeing < bare


def test_a_draft_model_takes_what_it_would_alone_but_for_the_process() -> None:
    drafting, alone = one(LARGE, draft=SMALL, draft_quant="q8_0"), one(SMALL, quant="q8_0")
    placed = alone.devices[0]
    assert drafting.draft_bytes == sum(size for kind, size in placed.per_device[0].parts.items() if kind != "overhead")
    assert drafting.weights_bytes == one(LARGE).weights_bytes


def test_a_draft_models_cache_is_f16_whatever_the_targets_is() -> None:
    plain = one(LARGE, draft=SMALL)
    (quantised,) = estimate(
        LARGE, ["q4_k_m"], context=8192, kv_dtype="q8_0", gpus=["rtx4090"], options={"draft": SMALL}
    ).estimates
    assert quantised.kv_cache_bytes < plain.kv_cache_bytes
    assert quantised.draft_bytes == plain.draft_bytes


def test_a_draft_models_cache_grows_with_the_context() -> None:
    sizes = [one(LARGE, context=tokens, draft=SMALL).draft_bytes or 0 for tokens in (4096, 8192, 16384)]
    # 24 layers, keys and values of 128 elements each, 2 bytes.
    assert sizes[2] - sizes[1] >= 8192 * 24 * 256 * 2
    assert sizes[0] < sizes[1] < sizes[2]


def test_a_draft_model_is_in_the_targets_quant_by_default() -> None:
    assert one(LARGE, draft=SMALL).draft_bytes == one(LARGE, draft=SMALL, draft_quant="q4_k_m").draft_bytes


def test_the_target_keeps_logits_of_all_that_is_drafted() -> None:
    assert one(LARGE, draft=SMALL).compute_bytes >= one(LARGE).compute_bytes


def test_nothing_is_said_of_the_speed_with_a_draft() -> None:
    assert one("qwen2.5-7b").devices[0].tokens_per_second is not None
    assert one("qwen2.5-7b", draft=SMALL).devices[0].tokens_per_second is None


def test_the_command_loads_both() -> None:
    drafting = one(LARGE, draft=SMALL, draft_quant="q8_0").devices[0].command
    seeing = one("gemma-3-12b", mmproj="f16").devices[0].command
    assert drafting is not None
    assert seeing is not None
    assert drafting.endswith("-md qwen2.5-0.5b-Q8_0.gguf --spec-type draft-simple")
    assert seeing.endswith("--mmproj mmproj-gemma-3-12b-F16.gguf")


def test_both_are_explained() -> None:
    said = estimate(
        "qwen2.5-vl-7b", ["q4_k_m"], options={"mmproj": "f16", "draft": "qwen2.5-vl-3b"}, explain=True
    ).explanation
    assert any("mmproj = " in line and "1,354,132,480" in line for line in said)
    assert any("draft = " in line and "Qwen2.5-VL-3B" in line for line in said)


@pytest.mark.parametrize(
    ("model", "quant", "options", "says"),
    [
        (LARGE, "q4_k_m", {"draft": "llama-3.2-1b"}, "vocabularies hold 128,256 and 152,064"),
        ("mistral-7b-v0.1", "q4_k_m", {"draft": "llama-2-7b"}, "vocabularies differ"),
        (LARGE, "q4_k_m", {"draft": SMALL, "draft_quant": "nf4"}, "loads no draft model in NF4"),
        (LARGE, "q4_k_m", {"draft_quant": "q8_0"}, "none is named"),
        (LARGE, "q4_k_m", {"draft": "1B"}, "size alone"),
        ("7B", "q4_k_m", {"mmproj": "f16"}, "size alone"),
        ("7B", "q4_k_m", {"draft": SMALL}, "size alone"),
        ("gemma-3-4b", "fp16", {"mmproj": "f16"}, "option of llama.cpp"),
        ("gemma-3-4b", "fp16", {"draft": "gemma-3-1b"}, "option of llama.cpp"),
        ("gemma-3-4b", "q4_k_m", {"mmproj": "q2"}, "--mmproj 'q2' is not known"),
        ("llama-3.1-8b", "q4_k_m", {"mmproj": "f16"}, "no vision tower"),
    ],
)
def test_what_cannot_be_is_refused(model: str, quant: str, options: dict[str, str], says: str) -> None:
    with pytest.raises((UsageError, UnsupportedModelError), match=says):
        estimate(model, [quant], options=options)


def test_through_the_command_line() -> None:
    found = process(
        "estimate", "gemma-3-4b", "-q", "q4_k_m", "--mmproj", "F16", "--draft", "gemma-3-270m", "--gpu", "8GiB"
    )
    assert found.status == 0
    assert "mmproj" in found.out
    assert "Draft" in found.out
    refused = process("estimate", LARGE, "-q", "q4_k_m", "--draft", "llama-3.2-1b")
    assert (refused.status, refused.out) == (2, "")
    assert refused.err.count("error:") == 1


def test_a_towers_buffer_is_its_file_aligned_and_its_rows_padded() -> None:
    """Gemma 3's: biases of 4,304 in FP32 are aligned to 128 bytes in 27 layers; in Q8_0 each of 135 matrices with rows
    of 1,152 is padded by 384 elements, 408 bytes, which the alignment makes 512."""
    it = subject("gemma-3-4b")
    for form, file, more in (("f16", 851_226_048, 0), ("f32", 1_673_366_976, 0), ("q8_0", 591_352_128, 135 * 512)):
        assert projector_of(it.spec, it.inventory, form).weights == file + 27 * 64 + more


def test_a_tower_lies_on_the_first_device_whatever_its_size() -> None:
    it = subject("gemma-3-4b")
    tower = projector_of(it.spec, it.inventory, "f16")
    for devices in (1, 3):
        assert tower.on_devices(work(), (0,) * devices, True) == [tower.size, *[0] * (devices - 1)]
    assert tower.size == tower.weights + round(121.25 * MIB)
