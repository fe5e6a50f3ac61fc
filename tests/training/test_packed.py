"""QLoRA, held against real steps of small models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmscale.errors import UnsupportedModelError
from llmscale.training.packed import packed, packed_bytes
from tests.helpers import TRUTH, run
from tests.training.test_methods import spec_of

ROWS = json.loads((TRUTH / "training_qlora.json").read_text())["rows"]
CONFIG = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "max_position_embeddings": 2048,
    "tie_word_embeddings": False,
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]['hidden_size']}-" + "-".join(map(str, row[1:7])))
def test_a_step_of_qlora_holds_what_a_real_one_does(row: list[Any], tmp_path: Path) -> None:
    changes, batch, seq, rank, adapter, kbit, checkpointing, *real = row
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**CONFIG, **changes}))
    step = ["--seq", str(seq), "--micro-batch", str(batch), "--checkpointing", checkpointing, "--kbit-prepare", kbit]
    lora = ["--lora-rank", str(rank), "--lora-targets", "all-linear", "--adapter-dtype", adapter]
    found = run("train", str(path), "--method", "qlora", *lora, *step, "-o", "json").json()
    trainable, weights, kept, _, backward = real
    assert found["trainable_parameters"] == trainable
    assert found["memory"]["weights_bytes"] == weights
    assert found["memory"]["activations_bytes"] == pytest.approx(kept, rel=1e-3)
    most = found["memory"]["total_bytes"] - found["memory"]["weights_bytes"] - found["memory"]["optimizer_bytes"]
    assert most == pytest.approx(backward, rel=0.02)


def test_a_matrix_is_half_a_byte_an_element_with_its_maxima_and_tables() -> None:
    assert packed_bytes(4096 * 4096) == 2**23 + 2**18 + 2**12 + 4 * (16 + 256 + 1)


def test_experts_in_one_tensor_are_not_packed_silently() -> None:
    with pytest.raises(UnsupportedModelError):
        packed(spec_of("mixtral-8x7b"))


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["mixtral-8x7b", "--lora-targets", "q_proj"], 2, "not known here"),
        (["llama-2-7b", "--precision", "amp"], 2, "bf16"),
        (["llama-2-7b", "--kbit-prepare", "trl"], 2, "--kbit-prepare trl"),
        (["gpt-oss-20b", "--lora-targets", "q_proj"], 2, "not known here"),
        (["deepseek-v3", "--lora-targets", "kv_b_proj"], 2, "not known here"),
        (["kimi-k2.5", "--lora-targets", "q_a_proj"], 2, "not known here"),
    ],
)
def test_what_qlora_cannot_be_is_one_message(arguments: list[str], status: int, said: str) -> None:
    answer = run("train", *arguments, "--method", "qlora")
    assert (answer.out, said in answer.err) == ("", True)
    assert answer.status >= status


def test_a_rank_above_the_narrowest_width_is_said() -> None:
    answer = run("train", "tinyllama-1.1b", "--method", "lora", "--lora-rank", "4096", "-o", "json").json()
    assert any("above 256" in warning for warning in answer["warnings"])


@pytest.mark.parametrize(("published", "status"), [({}, 0), ({"quantization_config": {"quant_method": "awq"}}, 2)])
def test_a_file_that_is_packed_already_is_not_packed_again(
    published: dict[str, Any], status: int, tmp_path: Path
) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**CONFIG, **ROWS[0][0], **published}))
    answer = run("train", str(path), "--method", "qlora", "--lora-targets", "q_proj")
    assert answer.status == status
    assert ("packed already" in answer.err) is bool(status)


@pytest.mark.parametrize(("model", "told"), [("deepseek-v3", 1), ("llama-2-7b", 0)])
def test_what_is_published_packed_is_trained_in_16_bits_and_says_so(model: str, told: int) -> None:
    answer = run("train", model, "--method", "lora", "--lora-targets", "kv_b_proj,q_proj", "-o", "json").json()
    assert sum("copy of it in 16 bits" in warning for warning in answer["warnings"]) == told
