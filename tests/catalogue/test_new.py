"""`make catalogue-new`: what a list has and the catalogue lacks, drafted where the shape and the total are known."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from catalogue import new
from llmscale.catalogue.entries import entry

HEADER = "# where it is from\n"
ROW = "someone/Fresh-8B\tqwen3\t36\t32\t4096\t151936\t{total}\t40960\t2026-10-01\t90000\tmit\n"


def told(tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: str, *asked: str) -> tuple[str, str]:
    path = tmp_path / "hub.tsv"
    path.write_text(HEADER + rows, encoding="utf-8")
    sys.argv = ["new", "--list", str(path), *asked]
    new.main()
    return capsys.readouterr()


def test_a_known_shape_with_the_same_total_is_drafted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = told(tmp_path, capsys, ROW.format(total=entry("qwen3-8b").counted))
    (draft,) = yaml.safe_load(out).values()
    assert (draft["hub"], draft["parameters"]) == ("someone/Fresh-8B", entry("qwen3-8b").counted)
    assert draft["config"] == entry("qwen3-8b").config
    assert err == ""


def test_another_total_is_named_and_not_drafted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = told(tmp_path, capsys, ROW.format(total=8_000_000_000))
    assert out == ""
    assert err.startswith("someone/Fresh-8B\t")
    assert err.endswith("another context or total\n")


def test_what_is_there_old_or_rare_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = ROW.replace("someone/Fresh-8B", "Qwen/Qwen3-8B").format(total=1)
    assert told(tmp_path, capsys, there) == ("", "")
    assert told(tmp_path, capsys, ROW.format(total=1), "--since", "2026-11") == ("", "")
    assert told(tmp_path, capsys, ROW.format(total=1), "--downloads", "100000") == ("", "")


def test_the_recorded_list_can_be_read() -> None:
    listed = list(new.rows(new.LIST))
    assert len(listed) > 500
    assert all(int(row.downloads) > 0 and int(row.parameters) > 0 for row in listed)
