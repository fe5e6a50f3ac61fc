"""Single-key changes of configs as `tests.oracle.changed` recorded them: what the class has, or that it is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmscale.errors import LlmscaleError
from llmscale.model.families import from_config
from llmscale.model.inventory import inventory
from tests.helpers import TRUTH

TYPES: dict[str, Any] = json.loads((TRUTH / "changed.json").read_text(encoding="utf-8"))["types"]
FILES = [(f"{name} {change}", name, apart, total) for name, of in TYPES.items() for change, apart, total in of["files"]]


def test_there_are_files_of_many_types() -> None:
    assert len(TYPES) > 30
    assert len(FILES) > 60


@pytest.mark.parametrize(("model_type", "apart", "total"), [row[1:] for row in FILES], ids=[row[0] for row in FILES])
def test_a_changed_file_is_counted_as_its_class_builds_it(
    model_type: str, apart: dict[str, Any], total: int | None
) -> None:
    kept = {key: value for key, value in TYPES[model_type]["base"].items() if key not in apart["gone"]}
    config = {**kept, **apart["changed"]}
    if total is None:
        with pytest.raises(LlmscaleError):
            from_config(config, "a file")
    else:
        assert inventory(from_config(config, "a file")).total() == total
