"""What an estimate should not be read without: each caution where it belongs, and nowhere else."""

from __future__ import annotations

from typing import Any

from llmscale import estimate


def said(model: str, *quants: str, gpus: tuple[str, ...] = (), **asked: Any) -> dict[str, dict[str, Any]]:
    return {note.code: dict(note.values) for note in estimate(model, quants, gpus=list(gpus), **asked).notes}


def test_a_recipe_of_other_models_is_said_to_be_no_file_of_this_one() -> None:
    one = said("qwen3-8b", "tq1_0")
    assert (one["recipe_not_published"]["quant"], one["recipe_not_published"]["model"]) == ("TQ1_0", "Qwen3-8B")
    several = said("qwen3-8b", "tq1_0", "tq2_0", "q4_k_m")
    assert several["recipes_not_published"]["quants"] == ["TQ1_0", "TQ2_0"]
    assert "recipe_not_published" not in several
    for model, quant in (("qwen3-8b", "q4_k_m"), ("gpt-oss-20b", "mxfp4_moe"), ("qwen3-8b", "fp16")):
        assert not said(model, quant).keys() & {"recipe_not_published", "recipes_not_published"}, (model, quant)


def test_a_context_beyond_the_limit_is_said_from_its_first_token_on() -> None:
    assert "context_beyond_limit" not in said("llama-2-7b", "fp16", context=4096)
    assert said("llama-2-7b", "fp16", context=4097)["context_beyond_limit"] == {"context": 4097, "limit": 4096}
    assert "context_beyond_limit" not in said("llama-2-7b", "fp16")


def test_a_context_changes_nothing_of_what_has_one_of_its_own() -> None:
    assert said("vit-base", "fp16", context=8)["context_changes_nothing"]["tokens"] == 197
    assert "context_changes_nothing" not in said("vit-base", "fp16")
    assert "context_changes_nothing" not in said("llama-2-7b", "fp16", context=8)


def test_the_smallest_of_unlike_devices_counts_where_each_gets_the_same() -> None:
    unlike, alike = ("48GiB + 24GiB",), ("2x 24GiB",)
    assert said("llama-3.1-8b", "fp8", gpus=unlike)["smallest_device_counts"]["devices"] == "48gib + 24gib"
    assert "smallest_device_counts" not in said("llama-3.1-8b", "fp8", gpus=alike)
    assert "smallest_device_counts" not in said("llama-3.1-8b", "q4_k_m", gpus=unlike)
