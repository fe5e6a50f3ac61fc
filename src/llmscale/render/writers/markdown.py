"""``-o markdown``: GitHub's tables, with the notes as a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmscale.render.interface import Look
from llmscale.render.report import Report
from llmscale.render.words import Words

name, needs = "markdown", ""


def write(result: Any, report: Callable[[], Report], say: Words, style: Look) -> str:
    """The report; legend and notes unless quiet."""
    drawn = report()
    lines = [line for sentence in drawn.lead for line in (f"**{_escaped(sentence)}**", "")]
    lines += [line for sentence in drawn.body for line in (_escaped(sentence), "")]
    for table in drawn.tables:
        if table.title:
            lines += [f"**{_escaped(table.title)}**", ""]
        shown = table.shown()
        columns = [table.columns[at] for at in shown]
        lines.append("| " + " | ".join(_escaped(say(c.title)) for c in columns) + " |")
        lines.append("|" + "|".join(" ---: " if c.right else " :--- " for c in columns) + "|")
        lines += ["| " + " | ".join(_escaped(row[at].text) for at in shown) + " |" for row in table.rows]
        lines.append("")
    notes = [say("~ is not exact: modelled or assumed.")] if drawn.inexact else []
    if not style.quiet:
        lines += [f"- {_escaped(note)}" for note in [*notes, *drawn.below]]
    return "\n".join(lines).rstrip() + "\n"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
