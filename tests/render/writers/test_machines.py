"""Reports and results for machines and issues: markdown, CSV, JSON and YAML."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from llmscale import params
from llmscale.answers.results.common import ModelRef, to_json
from llmscale.notes import Note, note
from llmscale.quantity import Basis
from llmscale.render.report import Cell, Column, Report, table, word
from llmscale.render.views.cells import answer
from llmscale.render.words import words
from tests.render.writers.drawings import COLUMNS, REPORT, csv_of, json_of, markdown_of, yaml_of


def test_markdown_is_a_table_that_github_draws() -> None:
    lines = markdown_of(REPORT).splitlines()
    assert lines[:2] == ["**A title**", ""]
    assert lines[2] == "| Model | Weights GiB |"
    assert lines[3] == "| :--- | ---: |"
    assert lines[4] == "| a name of several words | 12.55 |"
    assert lines[5] == "| - | 1,048,576.00 |"
    assert lines[-1] == "- A note \\| with a bar."
    assert "模型" in markdown_of(REPORT, "zh")


def test_csv_has_raw_values_and_one_header_while_columns_stay() -> None:
    other = table(
        "",
        [Column("fits", "Fits")],
        [[answer(True, True, words("en"))], [answer(False, False, words("en"))], [Cell(0, "0")], [Cell(None, "-")]],
    )
    rows = list(csv.reader(io.StringIO(csv_of(Report((*REPORT.tables, *REPORT.tables, other))))))
    assert rows == [
        ["name", "size"],
        ["a name of several words", "13476831232"],
        ["", str(1 << 50)],
        ["a name of several words", "13476831232"],
        ["", str(1 << 50)],
        [],
        ["fits"],
        ["true"],
        ["false"],
        ["0"],
        [""],
    ]


@pytest.mark.parametrize("text", ['a "quoted", word', "two\nlines", "ünï,cödé"])
def test_csv_survives_any_text(text: str) -> None:
    report = Report((table("", COLUMNS[:1], [[word(text)]]),))
    assert list(csv.reader(io.StringIO(csv_of(report))))[1] == [text]


@pytest.mark.parametrize("value", ["yes", "1.10", "null", "- x", "通义", "a: b", "", "0x1F", "2020-01"])
def test_yaml_is_the_same_object_json_of(value: str) -> None:
    ref = ModelRef(value, value, value, "exact")
    assert yaml.safe_load(yaml_of(ref)) == yaml.safe_load(json_of(ref)) == to_json(ref)


def test_json_puts_schema_and_command_first_and_knows_enums() -> None:

    keys = list(to_json(params("gpt2")))
    assert keys[:2] == ["schema", "command"]
    nested: dict[str, Any] = {"a": (Basis.EXACT, [1, None])}
    assert to_json(nested) == {"a": ["exact", [1, None]]}


def test_notes_are_codes_and_before_them_sentences_in_english() -> None:
    answer = json.loads(json_of(Noted("x", (note("no_price", count=3), note("said", text="So it is.")))))
    assert answer == {
        "name": "x",
        "warnings": [
            "3 more would be enough; the catalogue has no price of theirs (--max-price).",
            "So it is.",
        ],
        "notes": [{"code": "no_price", "values": {"count": 3}}, {"code": "said", "values": {"text": "So it is."}}],
    }


@dataclass
class Noted:
    """A result with notes."""

    name: str
    notes: tuple[Note, ...]
