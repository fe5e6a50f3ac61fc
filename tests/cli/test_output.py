"""Every command in every form of output: plain where it is piped, no number cut, the same figures in all."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
import yaml
from rich.cells import cell_len

from llmscale.notes import note
from llmscale.render.report import Report
from llmscale.render.words import words
from tests.cli.commands import COMMANDS, asked_for
from tests.helpers import good, not_whole

#: Answers so long that writing them in every form would take most of the time; their shorter twins are here too.
LONG = {"fits range", "models", "devices"}
SHORT = [case for case in COMMANDS if case not in LONG]
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


#: What the screen says of columns that it has no room for.
HIDDEN = note("hidden_columns", columns=["…"])


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> list[Report]:
    """Every report that is drawn, as it was before."""
    from llmscale.render.writers import table

    seen: list[Report] = []
    draw = table._draw

    def watch(report: Report, *rest: Any) -> None:
        seen.append(report)
        draw(report, *rest)

    monkeypatch.setattr(table, "_draw", watch)
    return seen


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("case", COMMANDS)
def test_no_line_is_wider_than_asked_and_no_number_is_cut(case: str, width: int, reports: list[Report]) -> None:
    for lang in ("en", "zh") if width == 80 and case not in LONG else ("en",):
        text = good(*COMMANDS[case], "--width", str(width), "--lang", lang).out
        assert [line for line in text.splitlines() if cell_len(line) > width] == []
        assert "\x1b" not in text
        lines = text.splitlines()
        for table in reports[-1].tables:
            for row in table.rows:
                for column, cell in zip(table.columns, row, strict=True):
                    # A narrow screen may do without a spare column, and says so; what it shows of it is whole.
                    named = (
                        column.spare and words(lang).sentence(HIDDEN)[:4] in text and words(lang)(column.title) in text
                    )
                    if column.right and not named:
                        assert any(cell.text in line for line in lines), (column.key, cell.text)


@pytest.mark.parametrize("case", SHORT)
def test_piped_output_is_plain_and_has_no_edge(case: str, reports: list[Report]) -> None:
    text = good(*COMMANDS[case]).out
    assert "\x1b" not in text
    assert "…" not in text or "…" in json.dumps(asked_for(*COMMANDS[case]), ensure_ascii=False)
    for told in reports[0].notes:
        assert told in text
    assert all(table.title in text for table in reports[0].tables)


@pytest.mark.parametrize("case", COMMANDS)
def test_json_parses_and_yaml_loads_to_the_same_object(case: str) -> None:
    answer = asked_for(*COMMANDS[case])
    assert list(answer)[:2] == ["schema", "command"]
    assert answer["schema"] == "llmscale/1"
    assert answer["command"].split()[0] == case.split()[0]
    assert not_whole(answer) == set()
    if case not in LONG:
        assert yaml.load(good(*COMMANDS[case], "-o", "yaml").out, LOADER) == answer


def scalars(value: Any) -> set[float]:
    """Every number in a JSON answer."""
    if isinstance(value, dict):
        return {number for item in value.values() for number in scalars(item)}
    if isinstance(value, list):
        return {number for item in value for number in scalars(item)}
    return {float(value)} if isinstance(value, (int, float)) and not isinstance(value, bool) else set()


def sums_of_parts(answer: dict[str, Any]) -> set[float]:
    """What the tree of ``params`` adds up: the tensors of one role, its weights and its biases."""
    roles: dict[tuple[str, str], float] = {}
    for line in answer.get("tensors", []):
        if line["tied_to"] is None:
            at = line["component"], line["role"].partition(".")[2]
            roles[at] = roles.get(at, 0) + line["parameters"]
    return set(roles.values())


def bits_on_the_model(answer: dict[str, Any]) -> set[Any]:
    """What `quants` shows of each format: its bytes on a model, over that model's parameters."""
    if not isinstance(answer.get("model"), dict) or answer.get("command") != "quants":
        return set()
    return {
        8 * line["weights_bytes"] / answer["model"]["parameters"] for line in answer["quants"] if line["weights_bytes"]
    }


#: Columns that are computed for people, and so are not in the JSON.
DERIVED = {
    "share",
    "share_percent",
    "percent",
    "fits_from_bytes",
    "overhead_bytes",
    "value",
    "Sum",
    "shape",
    "aliases",
    "note",
}
NOT_NUMBERS = DERIVED | {"what", "who", "tensor", "fact", "difference"}


@pytest.mark.parametrize("case", [*SHORT, "fits range"])
def test_csv_parses_and_its_numbers_are_those_of_the_json(case: str) -> None:
    answer = asked_for(*COMMANDS[case])
    known = scalars(answer) | sums_of_parts(answer) | bits_on_the_model(answer)
    text = good(*COMMANDS[case], "-o", "csv").out
    rows = list(csv.reader(io.StringIO(text)))
    header: list[str] = []
    checked = 0
    for before, row in zip([[], *rows], rows, strict=False):
        if not row:
            continue
        if not before:
            header = row
            assert len(set(header)) == len(header)
            continue
        assert len(row) == len(header)
        if row[0] == "Sum":
            continue
        for key, cell in zip(header, row, strict=True):
            if key in NOT_NUMBERS or not re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?", cell):
                continue
            assert float(cell) in known, (key, cell)
            checked += 1
    assert checked or case in (
        "models list nothing",
        "needs nothing",
        "models show",
        "quants show",
        "devices show",
        "fits range",
        "plugins",
    )


@pytest.mark.parametrize("case", SHORT)
def test_markdown_is_a_table(case: str) -> None:
    lines = good(*COMMANDS[case], "-o", "markdown").out.splitlines()
    if case == "models list nothing":
        assert lines == ["- 0 models."]
        return
    if case == "needs nothing":
        assert lines[0].startswith("**")
        return
    heads = [at for at, line in enumerate(lines) if re.fullmatch(r"\|( :--- \|| ---: \|)+", line)]
    assert heads
    for at in heads:
        columns = lines[at].count("|")
        for line in lines[at - 1 :]:
            if not line.startswith("|"):
                break
            assert line.replace("\\|", "").count("|") == columns
