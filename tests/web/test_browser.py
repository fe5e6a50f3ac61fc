"""The page in a real browser without a screen: what a person reads there, in both languages and at phone width."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import pytest

from llmscale import estimate
from llmscale.units import format_gib
from tests.web.server import server

pytest.importorskip("uvicorn", reason="the extra [web] is not installed: make test-extras")
pytest.importorskip("starlette", reason="the extra [web] is not installed: make test-extras")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

QUESTION = "model=llama-2-7b&gpu=rtx4090&quant=q4_k_m&context=4096&batch=1"


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """The page of a question as it stands after its script has run."""
    profile: Path = tmp_path_factory.mktemp("profile")
    with server() as (_, port):

        def page(question: str, width: int = 1000) -> str:
            command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
            command += [f"--window-size={width},900", "--virtual-time-budget=10000", "--dump-dom"]
            address = f"http://127.0.0.1:{port}/?{question}"
            done = subprocess.run([*command, address], capture_output=True, timeout=90, check=True)
            return unescape(done.stdout.decode())

        yield page


def text(page: str, part: str) -> str:
    """The words of one element."""
    found = re.search(rf'<(\w+)[^>]* id="{part}"[^>]*>(.*?)</\1>', page, re.DOTALL)
    assert found
    return re.sub(r"<[^>]+>", " ", found[2])


def test_it_says_what_the_answer_says(read: Callable[..., str]) -> None:
    said = text(read(f"{QUESTION}&lang=en"), "answer")
    line = estimate("llama-2-7b", ["q4_k_m"], context=4096, gpus=["rtx4090"]).estimates[0]
    device = line.devices[0]
    assert f"fits, ~{format_gib(device.used_bytes)} of {format_gib(device.usable_bytes)} GiB" in said
    assert f"{format_gib(device.free_bytes)} GiB free" in said
    for part, size in device.per_device[0].parts.items():
        assert {"kv_cache": "KV cache"}.get(part, part.capitalize()) in said
        assert format_gib(size) in said
    assert format_gib(line.total_bytes) in said


def test_the_address_is_the_question(read: Callable[..., str]) -> None:
    page = read("model=gpt2&gpu=24GiB&quant=q8_0&context=1024&batch=4&kv_dtype=q8_0&lang=en")
    command = "llmscale estimate gpt2 -q q8_0 -c 1024 -b 4 --kv-dtype q8_0 --gpu 24GiB"
    assert text(page, "command") == command
    assert "GPT-2 124M Q8_0, 24gib: fits" in text(page, "answer")


def test_chinese_is_chinese(read: Callable[..., str]) -> None:
    page = read(f"{QUESTION}&lang=zh&picture=parts")
    assert '<html lang="zh">' in page
    assert "放得下" in text(page, "answer")
    assert "67.38 亿" in text(page, "drawn")


def test_an_error_is_said_with_what_to_try(read: Callable[..., str]) -> None:
    said = text(read("model=nosuchmodel&lang=en"), "answer")
    assert "There is no model called 'nosuchmodel'" in said
    assert "llmscale models list" in said


@pytest.mark.parametrize("picture", ["memory", "parts", "users", "context", "frontier", "scale"])
def test_each_picture_is_drawn_and_described(read: Callable[..., str], picture: str) -> None:
    page = read(f"{QUESTION}&lang=en&picture={picture}", 400)
    drawn = page.split('id="drawn"')[1]
    assert re.search(r'<svg[^>]* role="img" aria-label="[^"]+"', drawn)
    assert drawn.count("<rect") + drawn.count("<circle") >= 3
    assert "NaN" not in drawn
