"""Every table that follows from a file alone is what its maker gives of that file, made in this process."""

from __future__ import annotations

import json
import os

import pytest

from llmscale.compile.registry import RECIPES, make, sources
from llmscale.store.tables import PACKAGE, table

DATA = os.path.join(PACKAGE, os.pardir, os.pardir, "data")
#: Those that take half a minute, since every model is counted: test_summaries.py and tests/catalogue hold them.
COUNTED = {"models", "summaries"}


@pytest.mark.skipif(not os.path.isdir(DATA), reason="the YAML is not here")
@pytest.mark.parametrize("name", sorted(RECIPES.keys() - COUNTED))
def test_a_table_is_what_its_file_makes(name: str) -> None:
    made = make(name, *sources(name, DATA))
    assert json.loads(json.dumps(made)) == table(name)
