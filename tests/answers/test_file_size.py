"""``--file-size``: what the size of a file that is not here tells, and what it does not."""

from __future__ import annotations

from typing import Any

import pytest

from llmscale.answers.estimate import estimate
from llmscale.errors import UsageError
from tests.helpers import good, run


def line(*arguments: str) -> Any:
    return good("estimate", *arguments, "-o", "json").json()["estimates"][0]


def size_of(model: str, quant: str) -> int:
    return int(line(model, "-q", quant)["file_bytes"])


@pytest.mark.parametrize("model", ["qwen3-8b", "qwen3-30b-a3b", "gemma-3-12b"])
@pytest.mark.parametrize(("low", "high"), [("iq4_xs", "q4_k_m"), ("q6_k", "q8_0")])
def test_the_weights_are_those_of_the_file(model: str, low: str, high: str) -> None:
    """But for what is no tensor, and less than one layer of it."""
    between = (size_of(model, low) + size_of(model, high)) // 2
    found = line(model, "--file-size", f"{between}B")
    assert (found["quant"], found["file_bytes"], found["runtime"]) == ("file-size", between, "llama.cpp")
    assert 0 <= between - found["weights_bytes"] <= 0.03 * between
    assert found["bits_per_weight"] == pytest.approx(8 * between / _parameters(model), rel=0.03)
    assert (found["basis"]["weights"], found["basis"]["file"]) == ("modelled", "reported")


def _parameters(model: str) -> int:
    return int(good("params", model, "-o", "json").json()["parameters"]["total"])


def test_a_recipe_s_own_size_is_that_recipe() -> None:
    """All else follows as it does of the recipe."""
    known = line("qwen3-8b", "-q", "q4_k_m", "--gpu", "rtx3060-12gb")
    found = line("qwen3-8b", "--file-size", f"{known['file_bytes']}B", "--gpu", "rtx3060-12gb")
    for part in ("weights_bytes", "kv_cache_bytes", "compute_bytes", "total_bytes"):
        assert found[part] == known[part], part


def test_what_is_said() -> None:
    told = good("estimate", "qwen3-8b", "--file-size", "5.1GB").out
    assert "bits a weight, as between Q4_K_M (5.03 GB) and Q4_1 (5.25 GB)" in told
    assert "as Q4_K_M (5.03 GB)." in good("estimate", "qwen3-8b", "--file-size", "5.03GB").out
    assert "介于 Q4_K_M (5.03 GB)" in good("estimate", "qwen3-8b", "--file-size", "5.1GB", "--lang", "zh").out
    assert "约为 Q4_K_M (5.03 GB)" in good("estimate", "qwen3-8b", "--file-size", "5.03GB", "--lang", "zh").out


def test_beyond_the_recipes() -> None:
    """A little beyond is the nearest one; what no file of the model has is refused with what there is."""
    assert line("qwen3-8b", "--file-size", "2.0GB")["weights_bytes"] == line("qwen3-8b", "-q", "iq1_s")["weights_bytes"]
    assert line("qwen3-8b", "--file-size", "33GB")["weights_bytes"] == line("qwen3-8b", "-q", "f32")["weights_bytes"]
    for size in ("1GB", "50GB"):
        said = run("estimate", "qwen3-8b", "--file-size", size)
        assert (said.status, "IQ1_S (2.12 GB)" in said.err, "F32 (32.77 GB)" in said.err) == (2, True, True)


def test_the_file_stands_in_the_command() -> None:
    for runtime in ("llama.cpp", "ollama"):
        said = good(
            "estimate", "qwen3-8b", "--file-size", "5.1GB", "--gpu", "rtx4090", "--runtime", runtime, "--command"
        )
        assert "qwen3-8b-FILE-SIZE.gguf" in said.out
        assert "-GGUF:FILE-SIZE" not in said.out


@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        (["qwen3-8b", "--file-size", "5"], 2, "not a file size"),
        (["qwen3-8b", "--file-size", "-5GB"], 2, ""),
        (["qwen3-8b", "--file-size", "\x1b[31m"], 2, "not a file size"),
        (["qwen3-8b", "--file-size", "5GB", "-q", "q4_k_m"], 2, "Leave --quant away"),
        (["qwen3-8b", "--file-size", "5GB", "--quant-map", "attn=q8_0"], 2, "Leave --quant away"),
        (["7B", "--file-size", "4GB"], 2, "known by its name"),
        (["gpt-4", "--file-size", "4GB"], 3, "GPT-4"),
        (["bert-base-uncased", "--file-size", "4GB"], 2, "GB"),
    ],
)
def test_what_cannot_be_meant(arguments: list[str], status: int, why: str) -> None:
    said = run("estimate", *arguments)
    assert said.status == status, said
    assert why in said.err
    assert "\x1b" not in said.err


def test_a_model_that_no_gguf_file_can_hold() -> None:
    said = run("estimate", "sam-vit-huge", "--file-size", "2GB")
    assert (said.status, "llama.cpp has no architecture for it" in said.err) == (2, True)


def test_a_file_s_size_is_its_format_so_that_none_is_named_beside_it() -> None:
    for named in ({"quant_map": "attn=q8_0"}, {"sparsity": "2:4"}, {"quants": ["q4_k_m"]}):
        with pytest.raises(UsageError, match="--file-size stands for the format"):
            estimate("qwen3-8b", file_size="5.03GB", **named)  # type: ignore[arg-type]
    (found,) = estimate("qwen3-8b", file_size="5.03GB").estimates
    assert found.quant == "file-size"
