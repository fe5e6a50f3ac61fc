"""``fits`` and ``needs`` on the screen."""

from __future__ import annotations

import json
import re

import pytest
from rich.cells import cell_len

from tests.helpers import good


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_to_run_what_to_type_and_how_fast_stand_on_one_screen(lang: str) -> None:
    lines = good("fits", "rtx3060-12gb", "--width", "80", "--lang", lang).out.splitlines()
    assert len(lines) <= 24
    assert "tokens/s." in " ".join(lines[:2]) or "词元/秒。" in " ".join(lines[:2])
    assert "llama-server" in " ".join(lines[-2:])
    for width in (60, 80):
        narrow = good("fits", "rtx3060-12gb", "--width", str(width), "--quiet", "--lang", lang).out.splitlines()
        assert max(map(cell_len, narrow)) <= width


def test_what_is_too_wide_is_named() -> None:
    assert "Released" in good("fits", "rtx3060-12gb", "--width", "100").out
    narrow = good("fits", "rtx3060-12gb", "--width", "60").out
    assert "Too narrow to show: Params, Left GiB, Released." in narrow


def test_what_fits_and_what_just_misses() -> None:
    text = good("fits", "rtx3060-12gb").out
    assert "Just miss" not in text, "more fit than a screen takes"
    assert "more are not shown (--all)" in text
    everything = good("fits", "rtx3060-12gb", "--all").out
    assert "Just miss" in everything
    assert "not shown" not in everything
    assert "Just miss" not in good("fits", "2x h200", "7B").out


def test_of_all_models_those_that_cannot_be_had_are_counted_apart() -> None:
    """MLX has code for some of them; a short list names none, since nobody looked."""
    asked = ("fits", "m3-max-64gb", "--runtime", "mlx", "--all", "--limit", "4")
    told = json.loads(good(*asked, "-o", "json").out)
    gone, text = told["not_available"], good(*asked).out
    assert f"{len(gone)} cannot be had here: {', '.join(gone[:3])}, ... (-o json names all)." in text
    assert f"{told['hidden'] - len(gone)} more are not shown (--limit)." in text
    assert f"{len(gone)} 个在这里没有可用的版本:{'、'.join(gone[:3])} 等" in good(*asked, "--lang", "zh").out
    assert "cannot be had" not in good(*asked[:4]).out


def test_nothing_fits_is_said_and_no_empty_table_is_drawn() -> None:
    text = good("fits", "1GiB", "-q", "fp32").out
    assert text.startswith("1GiB (0.50 of 1.00 GiB usable): nothing fits")
    assert "Context" not in text


def test_the_best_quant_is_said_in_a_sentence() -> None:
    text = good("fits", "rtx3060-12gb", "llama-3.1-8b").out
    assert "llama-3.1-8b in Q8_0, 30,720 tokens, ~" in text
    assert re.search(r"→ +Q8_0 ", text)
    none = good("fits", "rtx3060-12gb", "llama-3.1-405b").out
    assert re.search(r"no, llama-3.1-405b lacks ~\d+\.\d\d GiB even in IQ2_XS\.", none)
    assert "→" not in none


def test_a_quant_that_loses_heavily_is_advised_against() -> None:
    assert "below what is worth using" in good("fits", "rtx4090", "llama-2-70b").out
    assert "below what is worth using" not in good("fits", "rtx4090", "llama-2-13b").out


def test_a_context_beyond_the_models_own_limit_is_told() -> None:
    assert "8,192 is beyond the model's own limit of 2,048" in good("fits", "rtx4090", "llama-13b", "-c", "8192").out
    assert "beyond" not in good("fits", "rtx4090", "llama-13b", "-c", "2048").out


def test_needs_says_when_nothing_is_enough() -> None:
    assert "--max-count" in good("needs", "deepseek-v3", "-q", "fp32").out
    assert "h100" in good("needs", "deepseek-v3", "-q", "int4", "--max-count", "16", "--all").out


def test_what_runs_a_named_model_is_said() -> None:
    assert "Q6_K under llama.cpp." in good("fits", "rtx4090", "qwen3-8b", "-q", "q6_k").out
    mixed = good("fits", "rtx4090", "laguna-xs-2.1").out
    assert re.search(r"usable: 23.49 under transformers \(.*NF4\); 21.61 under vLLM \(FP8, AWQ\)\.", mixed)
    assert mixed.count("under vLLM") == 1
    assert "under llama.cpp." in good("fits", "rtx4090", "llama-3.1-8b").out
    assert " under " not in good("fits", "rtx4090", "--runtime", "llama.cpp").out
    asked = ("fits", "h100", "--limit", "60")
    runs = {line["quant"].upper(): line["runtime"] for line in good(*asked, "-o", "json").json()["models"]}
    assert runs["AWQ"] == "vllm"
    assert "AWQ under vLLM" in good(*asked).out
    assert "Q8_0 under" not in good(*asked).out
    assert "AWQ 由 vLLM 运行" in good(*asked, "--lang", "zh").out
