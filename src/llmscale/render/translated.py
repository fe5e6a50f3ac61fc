"""A report with what stands in it in English said in another language, as far as that has words for it.

Views say labels and notes in the language already. What is left are sentences that came with the answer: what a
formula says, what a file was found to be, the facts of an entry. Quotes stay as they were written.
"""

from __future__ import annotations

import re

from llmscale.render.report import Cell, Report
from llmscale.render.words import Words

# Patterns are compiled where they are met: English meets none.
_HAN = "[\u4e00-\u9fff]"
#: Three plain words in a row, and an option with a value.
_ENGLISH, _TYPED = "[a-z]+ [a-z]+ [a-z]{2,}", r"\S+ (?:\S+ )*?--?[a-z][\w-]* \S+ --?[a-z]"


def translated(report: Report, say: Words) -> Report:
    """See the module; of English the report itself."""
    if say.lang == "en":
        return report
    return Report(
        tuple(
            part._replace(
                title=_said(part.title, say),
                rows=tuple(tuple(_cell(cell, say) for cell in row) for row in part.rows),
            )
            for part in report.tables
        ),
        tuple(_said(note, say) for note in report.notes),
        tuple(_said(sentence, say) for sentence in report.lead),
        tuple(_said(sentence, say) for sentence in report.body),
        report.typed,
    )


def _cell(cell: Cell, say: Words) -> Cell:
    """Words; figures and names have nothing to be said otherwise."""
    if not isinstance(cell.value, str) or not cell.text or cell.text.isupper():
        return cell
    text = say(cell.text)
    # Options are told in the middle of a line and at its beginning: what is known word for word goes before a template.
    capital = text[:1].upper() + text[1:]
    if text == cell.text and say(capital) != capital:
        text = say(capital)
    if text == cell.text and " " in text:
        text = _said(text, say)
    if text == cell.text and say.phrase(capital) != capital:
        text = say.phrase(capital)
    return cell if text == cell.text else cell._replace(text=text)


def _said(text: str, say: Words) -> str:
    """A sentence, its indentation kept; what is to be typed stays letter by letter."""
    told = text.lstrip()
    if re.search(_TYPED, told) or (re.search(_HAN, told) and not re.search(_ENGLISH, told)):
        return text
    return text[: len(text) - len(told)] + say.phrase(told) if told else text
