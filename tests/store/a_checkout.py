"""A checkout of its own, with one device, for tests of what is made from its data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from llmscale.compile import checkout as compile_checkout
from llmscale.compile.registry import make
from llmscale.errors import InputFileError
from llmscale.store import tables as data
from llmscale.store.yaml_file import YamlFile

#: A device, a model, as people write them down.
DEVICE = """
{id}:
  name: {id} card
  vendor: V
  kind: consumer
  released: 2020
  memory_gib: 8
  source: s
"""
MODEL = """
{id}:
  name: {id} model
  publisher: P
  modality: text
  licence: L
  open: true
  released: "2020"
  source: s
"""


def compile_table(name: str, path: Path) -> dict[str, Any]:
    """The table of what stands in a file."""
    return make(name, YamlFile.read(str(path)))


def refusal(folder: Path, table: str, text: str | bytes) -> str:
    """What is said of a file of the table `table` that holds `text`."""
    path = folder / "mine.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputFileError) as caught:
        compile_table(table, path)
    assert "mine.yaml" in caught.value.message
    return caught.value.message


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A checkout of its own, with one device, whose tables are made in this process."""
    sources = tmp_path / "data"
    sources.mkdir()
    monkeypatch.setattr(data, "COMPILED", str(tmp_path / "package" / "_data"))
    monkeypatch.setattr(data, "compiler", compile_checkout.made_here)
    monkeypatch.setattr(compile_checkout, "DATA", str(sources))
    here = SimpleNamespace(yaml=sources / "devices.yaml", compiled=tmp_path / "package" / "_data" / "devices.jsonl")
    here.yaml.write_text(DEVICE.format(id="one"), encoding="utf-8")
    forget()
    yield here
    forget()


def forget() -> None:
    """What this process knows of tables and files."""
    data.table.cache_clear()
    data._stored.cache_clear()
    data.changed.cache_clear()


def fresh(name: str = "devices") -> dict[str, Any]:
    """The table as a new process would see it."""
    forget()
    return data.table(name)


def later(path: Path) -> None:
    """Make `path` newer than anything."""
    stamp = max(path.stat().st_mtime_ns, *(p.stat().st_mtime_ns for p in path.parent.iterdir())) + 10**9
    os.utime(path, ns=(stamp, stamp))
