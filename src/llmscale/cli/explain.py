"""``llmscale explain``."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from llmscale.cli.output import Style, takes_style

app = typer.Typer(rich_markup_mode=None)


def complete_word(incomplete: str) -> list[str]:
    """Words, and other names for them, that begin so."""
    from llmscale.glossary.entries import spellings

    return [name for name in spellings() if name.lower().startswith(incomplete.lower())]


@app.command(epilog="Examples: llmscale explain q4_k_m | llmscale explain 'kv cache' | llmscale explain 6B")
@takes_style
def explain(
    word: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="[WORD]",
            help="kv, gqa, q4_k_m, lora, 6B, 量化 …; without one, all words.",
            autocompletion=complete_word,
        ),
    ] = None,
    *,
    style: Style,
) -> None:
    """What a word of the field means, with figures: one screen."""
    from llmscale.answers.explain import explain as answer
    from llmscale.answers.explain import explained_words
    from llmscale.render.views.explain import explain_view, explained_view

    if not word:
        style.write(explained_words(), explained_view)
        return
    style.write(answer(" ".join(word)), explain_view)
