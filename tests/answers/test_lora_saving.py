"""The page on what LoRA saves says what the tool says."""

from __future__ import annotations

from docs.lora_saving import PAGE, page


def test_the_page_is_what_the_tool_says_today() -> None:
    assert PAGE.read_text() == page()


def test_it_has_the_figures_of_the_traced_runs() -> None:
    text = page()
    assert "| llama-2-7b, 2,048 | 50.2 | 30.5 | 39 % | 50.2 | 14.3 | 72 % | 86 % |" in text
    assert "| llama-3-8b, 8,192 | 105.9 | 99.3 | 6 % | 60.7 | 29.3 | 52 % | 76 % |" in text
