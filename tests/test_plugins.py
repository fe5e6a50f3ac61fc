"""What a package brings is found by its name through entry points: docs/plugin, installed apart, is asked for each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from llmscale.plugins import KINDS
from tests.helpers import REPOSITORY, Answer, environment

LLAMA = {
    "model_type": "plain_llama",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 100,
    "max_position_embeddings": 512,
}
BROKEN = "[llmscale.writers]\nbroken = nowhere:nothing\n"


@pytest.fixture(scope="session")
def llmscale(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Answer]:
    """The program where the example package is installed, and a second one that cannot be loaded."""
    pytest.importorskip("hatchling")
    target = tmp_path_factory.mktemp("installed")
    source = str(REPOSITORY / "docs" / "plugin")
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--no-build-isolation", "--quiet"]
    subprocess.run([*pip, "--target", str(target), source], check=True, capture_output=True, env=environment())
    broken = target / "broken-2.0.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 2.0\n", encoding="utf-8")
    (broken / "entry_points.txt").write_text(BROKEN, encoding="utf-8")

    def start(*arguments: str) -> Answer:
        done = subprocess.run(
            [sys.executable, "-m", "llmscale", *arguments],
            env=environment(PYTHONPATH=os.pathsep.join([str(target), str(REPOSITORY / "src")])),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    return start


def answer(told: Answer) -> dict[str, object]:
    assert told.status == 0, told.err
    found: dict[str, object] = json.loads(told.out)
    return found


def test_a_runtime_keeps_its_cache_in_pages(llmscale: Callable[..., Answer]) -> None:
    asked = ("estimate", "llama-3.1-8b", "-q", "fp16", "--runtime", "pager", "-c", "1000", "-o", "json")
    of_page = {
        page: answer(llmscale(*asked, *page))["estimates"][0]["kv_cache_bytes"]  # type: ignore[index]
        for page in ((), ("--page", "1000"), ("--page", "512"))
    }
    a_token = 2 * 32 * 8 * 128 * 2
    assert of_page == {(): 1024 * a_token, ("--page", "1000"): 1000 * a_token, ("--page", "512"): 1024 * a_token}


def test_fits_and_needs_ask_it_too(llmscale: Callable[..., Answer]) -> None:
    fits = answer(llmscale("fits", "rtx4090", "--runtime", "pager", "-q", "fp16", "-o", "json"))
    needs = answer(llmscale("needs", "llama-3.1-8b", "--runtime", "pager", "-q", "fp16", "-o", "json"))
    assert {line["runtime"] for line in (*fits["models"], *needs["devices"])} == {"pager"}  # type: ignore[misc]


def test_its_options_are_refused_elsewhere(llmscale: Callable[..., Answer]) -> None:
    told = llmscale("estimate", "7B", "-q", "fp16", "--runtime", "vllm", "--page", "3")
    assert told.status == 2
    assert "--page" in told.err


def test_a_source_finds_what_no_other_does(llmscale: Callable[..., Answer]) -> None:
    assert answer(llmscale("params", "110 million", "-o", "json"))["parameters"]["total"] == 110_000_000  # type: ignore[index]


def test_a_family_reads_its_model_type(llmscale: Callable[..., Answer], tmp_path: Path) -> None:
    for model_type in ("plain_llama", "llama"):
        (tmp_path / f"{model_type}.json").write_text(json.dumps({**LLAMA, "model_type": model_type}), encoding="utf-8")
    counts = [
        answer(llmscale("params", str(path), "-o", "json"))["parameters"]["total"]  # type: ignore[index]
        for path in sorted(tmp_path.iterdir())
    ]
    assert len(set(counts)) == 1


def test_a_quant_is_asked_for_by_name(llmscale: Callable[..., Answer]) -> None:
    found = answer(llmscale("estimate", "llama-3.1-8b", "-q", "example-5", "-q", "fp16", "-o", "json"))
    own, whole = (line["weights_bytes"] for line in found["estimates"])  # type: ignore[attr-defined]
    embeddings = 2 * 128256 * 4096 * 2
    assert own < embeddings + (whole - embeddings) // 3


def test_a_catalogue_is_looked_through_for_a_name(llmscale: Callable[..., Answer]) -> None:
    assert answer(llmscale("params", "example-110m", "-o", "json"))["parameters"]["total"] == 110_000_000  # type: ignore[index]


def test_a_writer_draws_the_report(llmscale: Callable[..., Answer]) -> None:
    told = llmscale("estimate", "7B", "-q", "int4", "-o", "lines")
    assert told.out.startswith("INT4\t3.26\t")


def test_plugins_lists_what_is_installed_and_what_is_broken(llmscale: Callable[..., Answer]) -> None:
    found = answer(llmscale("plugins", "-o", "json"))["plugins"]
    troubles = {(one["kind"], one["name"]): one["trouble"] for one in found}  # type: ignore[attr-defined]
    brought = {"runtimes", "sources", "families", "quants", "catalogues", "writers"}
    assert {kind for kind, _ in troubles} == brought
    assert brought < set(KINDS)
    assert [key for key, trouble in troubles.items() if trouble] == [("writers", "broken")]


def test_a_package_that_cannot_be_loaded_is_a_line_on_stderr(llmscale: Callable[..., Answer]) -> None:
    told = llmscale("estimate", "7B", "-q", "int4", "-o", "broken")
    assert told.status == 2
    assert told.err.startswith("llmscale: the plugin 'broken' of broken 2.0 cannot be loaded: ModuleNotFoundError")
    assert "Traceback" not in told.err
