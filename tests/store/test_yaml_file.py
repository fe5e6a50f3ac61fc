"""Files that people write: whatever is wrong with one is said by file, line and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmscale.catalogue.schema import check
from llmscale.errors import InputFileError
from llmscale.store import yaml_file
from llmscale.store.yaml_file import YamlFile
from tests.store.a_checkout import DEVICE, compile_table, refusal


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (DEVICE.format(id="x") + "  vendor: W\n", ["'vendor' is given twice"]),
        (DEVICE.format(id="x") + DEVICE.format(id="x"), ["'x' is given twice"]),
        (DEVICE.format(id="x").replace("memory_gib: 8", "memory_gib: eight"), ["x", "memory_gib", "number"]),
        (DEVICE.format(id="x").replace("  source: s\n", ""), ["x", "source", "required"]),
        (DEVICE.format(id="x") + "  aliases: 4\n", ["x", "aliases", "list"]),
        (DEVICE.format(id="x") + DEVICE.format(id="X"), ["'X' and 'x' are the same name"]),
        (DEVICE.format(id="x") + "  aliases: [y]\n" + DEVICE.format(id="y"), ["alias 'y' of 'x'"]),
        (DEVICE.format(id="5").replace('"', ""), ["5", "id"]),
        ("x: [1", ["cannot be read"]),
        ("- a\n- b\n", ["must map ids to entries"]),
        ("", ["must map ids to entries"]),
        (b"\xff\xfe\x00x", ["cannot be read"]),
    ],
)
def test_what_is_malformed_is_named_by_file_entry_and_field(
    tmp_path: Path, text: str | bytes, words: list[str]
) -> None:
    message = refusal(tmp_path, "devices", text)
    assert all(word in message for word in words), message


@pytest.mark.parametrize("text", ["x: 5\n", "x:\n", "x: [1, 2]\n", "x: text\n"])
@pytest.mark.parametrize("table", ["devices", "models", "formats"])
def test_an_entry_that_is_no_mapping_is_named(tmp_path: Path, table: str, text: str) -> None:
    assert " x" in refusal(tmp_path, table, text)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(InputFileError, match="cannot be read"):
        compile_table("devices", Path("/nowhere/devices.yaml"))


MODEL = (
    "{id}:\n  name: {name}\n  publisher: me\n  source: s\n  released: 2025-03\n  modality: text\n"
    "  licence: MIT\n  open: true\n  parameters: 7B\n"
)


def many(count: int, *more: str) -> YamlFile:
    """A file of 9 lines a model, and what follows them."""
    return YamlFile(
        "mine.yaml", "".join(MODEL.format(id=f"m{n}", name=f"Model {n}") for n in range(count)) + "".join(more)
    )


@pytest.fixture
def in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_file, "PART", 500)


@pytest.mark.usefixtures("in_small_parts")
def test_a_large_file_is_read_in_parts_that_are_the_file() -> None:
    file = many(20, "misnomers:\n  nothing:\n    answer: None is called so.\n")
    parts = list(file.parts())
    assert "".join(part.text for part in parts) == file.text
    assert len(parts) > 2
    assert [part.above for part in parts] == [file.text[: file.text.index(part.text)].count("\n") for part in parts]
    found = check(file)
    assert list(found["entries"]) == [f"m{n}" for n in range(20)]
    assert found["misnomers"]["nothing"]["answer"] == "None is called so."


@pytest.mark.usefixtures("in_small_parts")
@pytest.mark.parametrize(
    ("last", "said"),
    [
        (MODEL.format(id="m3", name="Other"), "line 181: 'm3' is given twice"),
        (MODEL.format(id="x", name="Model 2"), "line 182: 'Model 2' is a name of 'm2' and of 'x'"),
        (MODEL.format(id="M-4", name="Other"), "line 181: 'M-4' and 'm4' are the same name"),
        (MODEL.format(id="x", name="X").replace("7B", "many"), "line 189: "),
        (MODEL.format(id="x", name="X") + "  name: Y\n", "line 190"),
        ("x: [1\n", "line 18"),
    ],
)
def test_what_is_wrong_in_a_large_file_is_found_by_its_line(last: str, said: str) -> None:
    with pytest.raises(InputFileError) as caught:
        check(many(20, last))
    assert said in caught.value.message


def test_one_key_with_too_much_under_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_file, "PART", 500)
    monkeypatch.setattr(yaml_file, "MOST_BYTES", 900)
    with pytest.raises(InputFileError, match="line 181: more than 900 bytes under one key"):
        check(many(20, MODEL.format(id="x", name="X" * 1000)))
