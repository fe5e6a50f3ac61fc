"""Tables of a checkout: what they were made with, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from llmscale.compile import checkout as compile_checkout
from llmscale.errors import InputFileError
from llmscale.store import tables as data
from tests.store.a_checkout import fresh, later

RELEASES = """
title: T
releases:
  {since}: {{source: s, read: [{since}]}}
"""


def test_a_table_knows_what_it_was_made_with() -> None:
    found = compile_checkout.compiled("sizes_mlx")["made_with"]
    assert found == {path: data.changed(path) for path in found}
    for path in (
        "../../data/models.yaml",
        "../../data/quants.yaml",
        "../../data/formats.yaml",
        "model/families/llama.py",
        "model/blocks/mlp.py",
        "formats/weights.py",
        "compile/sizes.py",
    ):
        assert found[path], path
    assert not [path for path in found if path.startswith(("cli/", "render/", "runtimes/", "answers/"))]


def test_what_is_refused_is_said_by_the_process_that_makes_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "COMPILED", str(tmp_path / "compiled"))
    copy = tmp_path / "checkout" / "src" / "llmscale"
    shutil.copytree(data.PACKAGE, copy, ignore=shutil.ignore_patterns("_data", "__pycache__"))
    (tmp_path / "checkout" / "data").mkdir()
    (tmp_path / "checkout" / "data" / "devices.yaml").write_text("x: 5\n", encoding="utf-8")
    monkeypatch.setattr(data, "PACKAGE", str(copy))
    with pytest.raises(InputFileError, match="line 1: x: must be a mapping"):
        compile_checkout.compiled("devices")


def test_a_table_of_a_folder_is_remade_when_a_file_is_added_or_changed(checkout: SimpleNamespace) -> None:
    folder = checkout.yaml.parent / "releases"
    folder.mkdir()
    first, second = folder / "mlx.yaml", folder / "exllama.yaml"
    first.write_text(RELEASES.format(since="0.32.2"), encoding="utf-8")
    assert list(fresh("releases")) == ["mlx"]
    second.write_text(RELEASES.format(since="1.4.1"), encoding="utf-8")
    later(folder)
    assert list(fresh("releases")) == ["exllama", "mlx"]
    first.write_text(RELEASES.format(since="0.33.0"), encoding="utf-8")
    later(first)
    assert fresh("releases")["mlx"]["releases"][0]["since"] == "0.33.0"
    second.unlink()
    later(folder)
    assert list(fresh("releases")) == ["mlx"]
