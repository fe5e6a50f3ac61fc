"""Which family reads which model type: each says so itself, and only the one that is needed is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from llmscale.compile import checkout
from llmscale.compile.registry import make
from llmscale.errors import InputFileError
from llmscale.model import families
from llmscale.model.families import arcee, model_types
from llmscale.store import tables
from tests.helpers import environment, tiny

MODULES = {path.stem for path in Path(families.__path__[0]).glob("[!_]*.py")}


def test_every_family_is_found_by_what_it_says_it_reads() -> None:
    assert set(model_types().values()) == MODULES
    for model_type, module in model_types().items():
        assert model_type in import_module(f"{families.__name__}.{module}").MODEL_TYPES
    assert list(model_types()) == sorted(model_types())


def test_a_model_type_has_one_family(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arcee, "MODEL_TYPES", ("arcee", "llama"))
    with pytest.raises(InputFileError, match="'llama' is among the MODEL_TYPES of two families: arcee and llama"):
        make("families")


def test_the_table_is_made_again_when_a_module_joins() -> None:
    found = checkout.compiled("families")["made_with"]
    assert found["model/families"] == tables.changed("model/families") != 0
    assert {f"model/families/{module}.py" for module in MODULES} <= found.keys()


def test_reading_one_family_imports_no_other() -> None:
    program = (
        "import json, sys\n"
        "from llmscale.model.families import from_config\n"
        f"from_config(json.loads({json.dumps(json.dumps(tiny()))}), 'config.json')\n"
        "print(*(name.rpartition('.')[2] for name in sys.modules if name.startswith('llmscale.model.families.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=True
    )
    assert {name for name in done.stdout.split() if not name.startswith("_")} == {"llama"}
