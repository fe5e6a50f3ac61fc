"""llama.cpp of older builds: what its logs printed then, and what did not load."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import good, run


def line(*words: str) -> dict[str, Any]:
    found: dict[str, Any] = good("estimate", *words, "-o", "json").json()["estimates"][0]
    return found


def parts(*words: str) -> dict[str, int]:
    found: dict[str, int] = line(*words)["devices"][0]["per_device"][0]["parts"]
    return found


def test_a_log_of_february_2025() -> None:
    """Build 4701 of SciSharp/LLamaSharp issue 1099: 144 MiB of cache, 300.75 MiB of compute buffer."""
    asked = ("qwen2.5-3b", "-q", "q4_k_m", "-c", "4096", "--gpu", "rtx4080-super", "--runtime")
    older, newer = (parts(*asked, f"llama.cpp{release}") for release in ("@b4701", ""))
    assert (older["kv_cache"], older["compute"]) == (144 << 20, 315359232)
    assert older["compute"] / 2**20 == pytest.approx(300.75, abs=0.01)
    assert newer["compute"] < older["compute"]


def test_cells_come_in_32_without_flash_attention() -> None:
    """28 layers of 512 + 512 elements in 16 bits: 57,344 bytes a token, and 10,016 tokens are 313 times 32."""
    asked = ("qwen2.5-7b", "-q", "q8_0", "-c", "10000", "--runtime")
    cells = {
        (release, flash): line(*asked, f"llama.cpp@{release}", flash)["kv_cache_bytes"] // 57344
        for release in ("b5000", "b8000")
        for flash in ("--flash-attn", "--no-flash-attn")
    }
    assert cells == {
        ("b5000", "--flash-attn"): 10240,
        ("b5000", "--no-flash-attn"): 10016,
        ("b8000", "--flash-attn"): 10240,
        ("b8000", "--no-flash-attn"): 10240,
    }


def test_attention_was_several_operations_where_nobody_said() -> None:
    asked = ("llama-3.1-8b", "-q", "q4_k_m", "-c", "16384", "--gpu", "rtx4090", "--runtime")
    sizes = [parts(*asked, f"llama.cpp@{release}")["compute"] for release in ("b6000", "b6500")]
    named = [parts(*asked, "llama.cpp@b6000", flag)["compute"] for flag in ("--no-flash-attn", "--flash-attn")]
    assert sizes == named
    assert sizes[0] > 3 * sizes[1]


@pytest.mark.parametrize(
    ("build", "words", "said"),
    [
        ("b6400", ["--backend", "vulkan"], "no"),
        ("b6400", [], "maybe"),
        ("b6400", ["--backend", "rocm"], "yes"),
        ("b7000", ["--backend", "vulkan"], "yes"),
        ("b10488", [], "yes"),
    ],
)
def test_a_compute_buffer_beyond_what_vulkan_allocates(build: str, words: list[str], said: str) -> None:
    """Mistral Small of 32 heads at 65,000 tokens: scores below 4 GiB, and more than 4 GiB with all that is beside."""
    asked = ["mistral-small-3.2", "-q", "q4_k_m", "-c", "65000", "--no-flash-attn", "--gpu", "w7900"]
    found = line(*asked, "--runtime", f"llama.cpp@{build}", *words)["devices"][0]
    assert ("yes" if found["fits"] else "maybe" if found["may_fit"] else "no") == said
    codes = {limit["code"]: limit["values"].get("what") for limit in found["limits"]}
    assert (
        codes
        == {
            "no": {"one_allocation": "compute"},
            "maybe": {"perhaps_one_allocation": "compute"},
            "yes": {},
        }[said]
    )


def test_cards_of_nvidia_are_not_run_by_vulkan_unless_asked() -> None:
    asked = ["mistral-small-3.2", "-q", "q4_k_m", "-c", "65000", "--no-flash-attn", "--gpu", "rtx-a6000"]
    assert line(*asked, "--runtime", "llama.cpp@b6400")["devices"][0]["fits"]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_reason_is_said(lang: str) -> None:
    asked = ["mistral-small-3.2", "-q", "q4_k_m", "-c", "65000", "--no-flash-attn", "--gpu", "w7900", "--lang", lang]
    said = good("estimate", *asked, "--runtime", "llama.cpp@b6400").out
    assert "--backend rocm" in said
    assert ("one compute" if lang == "en" else "一个计算缓冲区") in said


def test_older_than_what_was_read_is_refused() -> None:
    told = run("estimate", "llama-3.1-8b", "--runtime", "llama.cpp@b4000")
    assert told.status == 2
    assert "b4615 is the oldest" in told.err


def test_a_step_of_more_than_2048_tokens_is_the_one_that_the_command_names() -> None:
    """Logits of every token of a step: 151,936 values of four bytes for 4,096 tokens."""
    asked = ("qwen2.5-3b", "-q", "q4_k_m", "-c", "16384", "--gpu", "rtx4090")
    asked = (*asked, "--runtime", "llama.cpp@b6500", "--ubatch")
    assert parts(*asked, "4096")["compute"] > 4096 * 151936 * 4 > parts(*asked, "2048")["compute"]


@pytest.mark.parametrize(
    ("build", "flag", "words"),
    [
        ("b5000", "--flash-attn", "-fa"),
        ("b5000", "--no-flash-attn", ""),
        ("b9000", "--flash-attn", "-fa on"),
        ("b9000", "--no-flash-attn", "-fa off"),
    ],
)
def test_the_command_is_of_its_day(build: str, flag: str, words: str) -> None:
    asked = ("llama-3.1-8b", "-q", "q4_k_m", "--gpu", "rtx4090", "--runtime", f"llama.cpp@{build}", flag, "--command")
    command = str(line(*asked)["devices"][0]["command"])
    assert command.partition(" -ngl 33")[2].strip() == words
