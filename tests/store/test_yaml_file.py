"""Files that people write: whatever is wrong with one is said by file, line and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmscale.errors import InputFileError
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
