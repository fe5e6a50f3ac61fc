"""What was computed of every shipped model when the catalogue was compiled: as its own config counts today."""

from __future__ import annotations

import pytest

from llmscale.catalogue import entries as catalogue
from llmscale.catalogue.entry import ModelEntry
from llmscale.catalogue.summaries import compiled, sizes, summaries, summary
from llmscale.formats.catalogue import quants
from llmscale.formats.weights import assign_formats
from llmscale.model.inventory import inventory
from llmscale.model.shape import Shape, shape_of
from llmscale.runtimes.registry import infos
from llmscale.sources.catalogue import of_entry
from llmscale.speed.profile import ComputeProfile, profile_of

ENTRIES = {entry.id: entry for entry in catalogue.entries()}
COUNTED = [entry for entry in ENTRIES.values() if entry.config]


@pytest.mark.parametrize("entry", COUNTED, ids=[entry.id for entry in COUNTED])
def test_every_config_counts_and_is_compiled_as_it_counts(entry: ModelEntry) -> None:
    spec = of_entry(entry).known()
    parts = inventory(spec)
    assert entry.counted == parts.total() == entry.size
    assert entry.counted_active == parts.active()
    found = summary(entry.id)
    assert found is not None
    assert found.widths is not None
    assert found.profile is not None
    assert Shape.from_json(found.widths)._replace(max_context=spec.max_context) == shape_of(spec)
    assert ComputeProfile(*found.profile) == profile_of(parts)
    told = (found.name, found.source, found.parameters, found.active, found.limit, found.published_in)
    assert told == (spec.name, spec.source, parts.total(), parts.active(), spec.max_context, spec.published_in)
    assert found.family == spec.family


def test_many_configs_are_counted() -> None:
    assert len(COUNTED) >= 110


def test_there_is_one_of_every_model_whose_size_is_known_and_of_no_other() -> None:
    found = {one.id: one for one in summaries()}
    assert list(found) == [entry.id for entry in ENTRIES.values() if entry.size]
    for entry in ENTRIES.values():
        if entry.size and not entry.config:
            one = found[entry.id]
            assert (one.parameters, one.active) == (entry.parameters, entry.active_parameters)
            assert (one.widths, one.profile) == (None, None)


@pytest.mark.parametrize("runtime", sorted({quant.runtime for quant in quants()}))
def test_the_sizes_are_those_of_the_stored_tensors(runtime: str) -> None:
    spec = of_entry(ENTRIES["mixtral-8x7b"]).known()
    parts = inventory(spec)
    every = {quant.id: quant for quant in quants() if quant.runtime == runtime}
    found = sizes(runtime, "mixtral-8x7b")
    assert found
    for name, (size, *_) in found.items():
        assert size == sum(stored.bytes for stored in assign_formats(every[name], spec, parts)), name


def test_of_a_runtime_without_quants_of_its_own_there_are_no_sizes() -> None:
    assert sizes("sglang", "llama-2-7b") == {}


@pytest.mark.parametrize("runtime", [info.name for info in infos() if not info.engine])
def test_what_a_runtime_says_nothing_of(runtime: str) -> None:
    assert compiled(runtime, "gpt-4") is None
