"""A repository of GGUF files is named where the catalogue knows one."""

from __future__ import annotations

import pytest

from llmscale import fits
from llmscale.catalogue import entries


def test_the_first_row_says_which_file_of_the_hub_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = entries.models()["entries"]
    data = {"entries": {model: dict(shipped[model]) for model in ("qwen3-14b", "qwen3-8b")}}
    data["entries"]["qwen3-14b"]["gguf"] = ["Qwen/Qwen3-14B-GGUF"]
    data["entries"]["qwen3-8b"]["gguf"] = []
    monkeypatch.setattr("llmscale.answers.named.models", lambda catalogue: data)
    (line,) = fits("rtx3060", "qwen3-14b", command=True).models
    assert (line.command_line or "").startswith("llama-server -hf Qwen/Qwen3-14B-GGUF:Q5_K_M -c 4096 ")
    del data["entries"]["qwen3-8b"]["gguf"]
    (other,) = fits("rtx3060", "qwen3-8b", command=True).models
    assert (other.command_line or "").startswith("llama-server -m qwen3-8b-Q8_0.gguf ")
