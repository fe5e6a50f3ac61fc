"""Without the extra: one line on what to install, and what was seen or is known answers all the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import run
from tests.sources.hub.server import Hub, serving


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    monkeypatch.setenv("LLMSCALE_CACHE", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "*")


def test_the_line_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Hub()) as url:
        monkeypatch.setenv("HF_ENDPOINT", url)
        answer = run("params", "hub:org/name")
    assert answer.status == 2
    assert "pip install 'llmscale[hub]'" in answer.err


def test_offline_nothing_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    answer = run("params", "hub:Qwen/Qwen3-8B", "-o", "json")
    assert answer.json()["parameters"]["total"] == 8190735360


def test_a_plain_name_does_not_bring_it() -> None:
    code = (
        "import sys; from llmscale import load; load('llama-2-7b'); print('llmscale.sources.hub.load' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
