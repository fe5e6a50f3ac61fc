"""``fits`` and ``needs`` on the screen."""

from __future__ import annotations

from tests.helpers import good


def test_what_fits_and_what_just_misses() -> None:
    text = good("fits", "rtx3060-12gb").out
    assert "Just miss" not in text, "more fit than a screen takes"
    assert "more models are not shown (--all)" in text
    everything = good("fits", "rtx3060-12gb", "--all").out
    assert "Just miss" in everything
    assert "not shown" not in everything
    assert "Just miss" in good("fits", "1GiB", "-q", "fp32").out
    assert "Just miss" not in good("fits", "2x h200", "7B").out


def test_the_best_quant_is_said_in_a_sentence() -> None:
    text = good("fits", "rtx3060-12gb", "llama-3.1-8b").out
    assert "Q8_0 loses least of those that fit with 4,096 tokens" in text
    assert "No quant of llama-3.1-405b fits" in good("fits", "rtx3060-12gb", "llama-3.1-405b").out


def test_a_context_beyond_the_models_own_limit_is_told() -> None:
    assert "8,192 is beyond the model's own limit of 2,048" in good("fits", "rtx4090", "llama-13b", "-c", "8192").out
    assert "beyond" not in good("fits", "rtx4090", "llama-13b", "-c", "2048").out


def test_needs_says_when_nothing_is_enough() -> None:
    assert "--max-count" in good("needs", "deepseek-v3", "-q", "fp32").out
    assert "h100" in good("needs", "deepseek-v3", "-q", "int4", "--max-count", "16", "--all").out
