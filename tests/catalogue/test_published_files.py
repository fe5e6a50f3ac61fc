"""Files whose sizes no recipe gives: as their repositories show them, where such a name is typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmscale.catalogue.published_files import check, of_model, of_repository, only_quant
from llmscale.errors import InputFileError
from llmscale.store.tables import table
from llmscale.store.yaml_file import YamlFile
from tests.helpers import good, run

#: One of each repository: mixes of the largest models take seconds.
FIRST = [(name, next(iter(told["files"]))) for name, told in table("published_files").items() if not told["complete"]]


def line(*arguments: str) -> Any:
    return good("estimate", *arguments, "-o", "json").json()["estimates"][0]


@pytest.mark.parametrize(("repository", "mix"), FIRST)
def test_a_file_of_each_repository_is_taken_for_its_name(repository: str, mix: str) -> None:
    """Its tensors come to the file, but for a vocabulary and less than one layer."""
    size = table("published_files")[repository]["files"][mix]
    found = line(f"{repository}:{mix.upper()}")
    assert (found["quant"], found["file_bytes"], found["basis"]["file"]) == (mix, size, "reported")
    assert found["basis"]["weights"] == "modelled"
    assert 0.93 * size - 40e6 <= found["weights_bytes"] <= 1.1 * size


@pytest.mark.parametrize(
    "typed",
    [
        "hf.co/unsloth/Qwen3-30B-A3B-Instruct-2507-GGUF:UD-Q4_K_XL",
        "Qwen3-30B-A3B-Instruct-2507-UD-Q4_K_XL.gguf",
        "unsloth/Qwen3-30B-A3B-Instruct-2507-GGUF:ud-q4_k_xl",
        "https://huggingface.co/unsloth/Qwen3-30B-A3B-Instruct-2507-GGUF/blob/main/"
        "Qwen3-30B-A3B-Instruct-2507-UD-Q4_K_XL.gguf",
    ],
)
def test_the_same_file_by_other_names(typed: str) -> None:
    assert line(typed)["file_bytes"] == 17_690_497_440
    assert good("fits", "rtx4090", typed, "-o", "json").json()["models"][0]["quant"] == "ud-q4_k_xl"


def test_a_mix_of_a_model_that_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert line("qwen3-4b", "-q", "UD-Q4_K_XL")["file_bytes"] == 2_546_339_456
    told = good("estimate", "qwen3-4b", "-q", "ud_q4_k_xl")
    assert "unsloth/Qwen3-4B-GGUF:UD-Q4_K_XL has 2.55 GB, 5.04 bits a weight" in told.out
    assert "每权重 5.04 位" in good("estimate", "qwen3-4b", "-q", "UD-Q4_K_XL", "--lang", "zh").out


def test_several_files_of_a_name_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    two = {name: table("published_files")[name] for name in ("unsloth/DeepSeek-V3.1-GGUF",)}
    two["someone/DeepSeek-V3-GGUF"] = {"model": "deepseek-v3", "source": "x", "files": {"ud-tq1_0": 180 * 10**9}}
    monkeypatch.setattr("llmscale.catalogue.published_files.table", lambda name: two)
    said = run("estimate", "deepseek-v3", "-q", "UD-TQ1_0")
    assert (said.status, "170.0 GB, someone/DeepSeek-V3-GGUF:UD-TQ1_0 180.0 GB" in said.err) == (3, True)


@pytest.mark.parametrize(
    "typed",
    [
        ["bartowski/Qwen3-4B-GGUF:UD-Q4_K_XL"],  # of another owner
        ["unsloth/Qwen3-4B-GGUF:UD-Q2_K_XL"],  # a mix that was not read
        ["unsloth/Qwen3-8B-GGUF:UD-Q4_K_XL"],
    ],
)
def test_what_is_not_known_is_not_made_up(typed: list[str]) -> None:
    said = good("estimate", *typed)
    assert "which only its files tell" in said.out
    assert "UD-" not in said.out.split("\n")[4]


def test_a_mix_that_nobody_knows_is_refused_as_before() -> None:
    for arguments in (["qwen3-8b", "-q", "UD-Q4_K_XL"], ["7B", "-q", "UD-Q4_K_XL"]):
        said = run("estimate", *arguments)
        assert (said.status, "only its file tells its size" in said.err) == (3, True)
    assert run("estimate", "qwen3-4b", "-q", "UD-Q4_K_XL", "--quant-map", "attn=q8_0").status == 3
    assert run("estimate", "qwen3-4b", "-q", "UD-Q4_K_XL", "-q", "q8_0").status == 3
    assert run("estimate", "gpt-4", "-q", "UD-Q4_K_XL").status == 3


def notes(*arguments: str) -> list[str]:
    return [told["code"] for told in good("estimate", *arguments, "-o", "json").json()["notes"]]


def test_a_recipe_for_other_models_says_so() -> None:
    """133 GiB of TQ1_0 are what the recipe makes of DeepSeek-V3.1; the file of that name has 170 GB."""
    assert "recipe_not_published" in notes("deepseek-v3.1", "-q", "tq1_0")
    told = good("estimate", "deepseek-v3.1", "-q", "tq1_0").out
    assert "what is published is unsloth/DeepSeek-V3.1-GGUF:UD-TQ1_0 170.0 GB" in told
    assert "no such file is known here" in good("estimate", "qwen3-8b", "-q", "tq1_0").out
    assert "已发布的是" in good("estimate", "deepseek-v3.1", "-q", "tq1_0", "--lang", "zh").out
    assert "recipe_not_published" in notes("mixtral-8x7b", "-q", "mxfp4_moe")
    assert "recipe_not_published" not in notes("gpt-oss-20b", "-q", "mxfp4_moe")
    assert "recipe_not_published" not in notes("qwen3-8b", "-q", "q4_k_m")


def test_several_such_recipes_are_one_line() -> None:
    codes = notes("llama-3.1-8b", "-q", "all-gguf")
    assert (codes.count("recipes_not_published"), codes.count("recipe_not_published")) == (1, 0)
    told = good("estimate", "llama-3.1-8b", "-q", "tq1_0", "-q", "tq2_0").out
    assert "TQ1_0, TQ2_0 are meant for models of other kinds: of Llama 3.1 8B" in told
    said = good("estimate", "llama-3.1-8b", "-q", "tq1_0", "-q", "tq2_0", "--lang", "zh").out
    assert "TQ1_0、TQ2_0 适用于其他种类的模型" in said


def test_gpt_oss_keeps_its_experts_whatever_the_preset() -> None:
    for quant, gib in (("q4_k_m", 58.45), ("f16", 60.87), ("q8_0", 59.02)):
        assert line("gpt-oss-120b", "-q", quant)["weights_bytes"] / 2**30 == pytest.approx(gib, abs=0.02)


def test_a_repository_with_one_file_is_that_file() -> None:
    """What ggml-org has of gpt-oss; the recipe comes to 16 KB of 12 GB less."""
    found = line("ggml-org/gpt-oss-20b-GGUF")
    assert found["quant"] == "mxfp4_moe"
    assert abs(found["file_bytes"] - 12_109_566_560) < 100_000
    assert only_quant("ggml-org", "gpt-oss-120b") == "mxfp4_moe"
    assert only_quant("unsloth", "Qwen3-4B-GGUF") == ""
    assert only_quant("", "gpt-oss-20b") == ""
    assert line("ggml-org/gpt-oss-20b-GGUF:Q8_0")["quant"] == "q8_0"


def test_lookups() -> None:
    assert of_repository("unsloth", "Qwen3-4B-GGUF", "ud-q4_k_xl") == of_repository("", "qwen3 4b", "UD_Q4_K_XL")
    assert of_repository("other", "Qwen3-4B", "ud-q4_k_xl") is None
    assert of_model("qwen3-4b", "ud-q8_k_xl") == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("a/b: {model: nosuch, source: x, files: {}}", "no model 'nosuch'"),
        ("a/b: {model: qwen3-4b, files: {}}", "source"),
        ("a/b: {model: qwen3-4b, source: x, files: [1]}", "files"),
        ("a/b: 1", ""),
    ],
)
def test_a_file_that_does_not_fit(tmp_path: Path, content: str, why: str) -> None:
    path = tmp_path / "published_files.yaml"
    path.write_text(content)
    with pytest.raises(InputFileError, match=why):
        check(YamlFile.read(str(path)))


def test_the_command_names_the_file() -> None:
    said = good("estimate", "unsloth/Qwen3-4B-GGUF:UD-Q4_K_XL", "--gpu", "rtx4090", "--command", "-o", "json").json()
    assert "qwen3-4b-UD-Q4_K_XL.gguf" in json.dumps(said)
