"""Which tables there are, and what they are made from."""

from __future__ import annotations

from pathlib import Path

from llmscale.compile.registry import RECIPES, SIZES, SUMMARIES, sources, tables
from llmscale.formats.catalogue import quants
from llmscale.runtimes.registry import infos
from llmscale.store.tables import table
from tests.helpers import REPOSITORY


def test_sizes_are_apart_by_every_runtime_that_has_quants_of_its_own() -> None:
    sized = {name.removeprefix(SIZES) for name in tables() if name.startswith(SIZES)}
    assert sized == {quant.runtime for quant in quants()}
    for runtime in sized:
        known = {quant.id for quant in quants() if quant.runtime == runtime}
        assert set().union(*table(f"{SIZES}{runtime}")["quants"]) <= known


def test_every_runtime_that_does_the_work_itself_has_what_it_makes_of_models() -> None:
    made = {name.removeprefix(SUMMARIES) for name in tables() if name.startswith(SUMMARIES)}
    assert made == {info.name for info in infos() if not info.engine}
    assert made >= {info.engine for info in infos() if info.engine}


def test_every_file_is_made_into_a_table() -> None:
    made = {Path(file.path) for name in RECIPES for file in sources(name, str(REPOSITORY / "data"))}
    assert made == {path for path in (REPOSITORY / "data").rglob("*.*") if path.suffix in (".yaml", ".json")}
