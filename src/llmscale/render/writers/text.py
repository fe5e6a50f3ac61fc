"""Reports and results as text for machines and issues: JSON, YAML, CSV and markdown."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from llmscale.answers.results.common import to_json
from llmscale.render.report import Report
from llmscale.render.words import Words


def contract(result: Any, say: Words) -> Any:
    """The answer as the JSON contract has it: notes as codes, and before them as sentences, ``warnings``."""
    content = to_json(result)
    if "notes" not in content:
        return content
    fields = {}
    for key, value in content.items():
        if key == "notes":
            fields["warnings"] = [say.sentence(told) for told in result.notes]
        fields[key] = value
    return fields


def as_json(content: Any) -> str:
    """The JSON contract, indented."""
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def as_yaml(content: Any) -> str:
    """The same object as YAML."""
    import yaml

    return str(yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=100))


def as_csv(report: Report) -> str:
    """Raw values: one header where tables share their columns, else a blank line between tables."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    previous: list[str] = []
    for table in report.tables:
        keys = [column.key for column in table.columns]
        if keys != previous:
            if previous:
                writer.writerow([])
            writer.writerow(keys)
        previous = keys
        writer.writerows([_raw(cell.value) for cell in row] for row in table.rows)
    return out.getvalue()


def as_markdown(report: Report, say: Words) -> str:
    """GitHub's tables, with the notes as a list."""
    lines: list[str] = []
    for table in report.tables:
        if table.title:
            lines += [f"**{_escaped(table.title)}**", ""]
        shown = table.shown()
        columns = [table.columns[at] for at in shown]
        lines.append("| " + " | ".join(_escaped(say(c.title)) for c in columns) + " |")
        lines.append("|" + "|".join(" ---: " if c.right else " :--- " for c in columns) + "|")
        lines += ["| " + " | ".join(_escaped(row[at].text) for at in shown) + " |" for row in table.rows]
        lines.append("")
    notes = [say("~ is not exact: modelled or assumed.")] if report.inexact else []
    lines += [f"- {_escaped(note)}" for note in [*notes, *report.notes]]
    return "\n".join(lines).rstrip() + "\n"


def _raw(value: Any) -> Any:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
