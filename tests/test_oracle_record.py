"""What ``make oracle`` found equal to the real classes is still what we count, and every record says when it is stale.

The record's names and shapes were compared tensor by tensor with transformers; here its digests notice any change.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmscale.runtimes.releases import newest
from tests.oracle.campaigns import ACTIVATIONS, CAMPAIGNS, TENSORS, Campaign
from tests.oracle.layouts import record as layouts
from tests.oracle.outdated import ROOT, Outdated, line, other_version, pins
from tests.oracle.record import Record, digest
from tests.oracle.rules import EXPLAINED, NOT_BUILT
from tests.oracle.subjects import Subject, fingerprint, subjects

ROWS = TENSORS.record.rows()
SUBJECTS = {subject.id: subject for subject in subjects()}
#: Those of which both lists of tensors were the same.
SAME = {name: row for name, row in ROWS.items() if "names" in row}


def test_the_record_is_large_and_not_of_models_that_are_gone() -> None:
    files = [name for name in SAME if name.startswith("configs/")]
    assert len(files) >= 300
    assert len(SAME) - len(files) >= 200
    assert ROWS.keys() <= SUBJECTS.keys()
    assert {row["names"] for row in SAME.values()} <= {"equal", "renamed"}
    assert SAME.keys() >= {"llama-3.1-8b", "deepseek-v3", "mixtral-8x7b", "mamba-2.8b", "t5-base", "phi-3.5-mini"}


def test_every_config_file_is_recorded() -> None:
    """A file that the oracle has not seen stands in ``published/`` instead."""
    assert {name for name in SUBJECTS if name.startswith("configs/")} <= SAME.keys()


def test_what_was_not_found_the_same_says_why() -> None:
    others = {name: row for name, row in ROWS.items() if name not in SAME}
    assert all(row.get("not_compared") or row.get("differs") for row in others.values())
    assert {name for name, row in others.items() if "differs" in row} <= EXPLAINED.keys()
    assert others.keys() >= {"grok-1", "gpt-3-xl"}
    # A reason that is no longer needed has to go.
    assert others.keys() >= NOT_BUILT.keys() | EXPLAINED.keys()


@pytest.mark.parametrize("name", sorted(SAME))
def test_the_inventory_is_the_recorded_one(name: str) -> None:
    subject: Subject = SUBJECTS[name]
    found = fingerprint(subject.inventory())
    assert {"model_type": subject.model_type, **found} == {key: SAME[name][key] for key in ("model_type", *found)}


LLAMA, GPT2 = Subject("a-llama", {"model_type": "llama", "x": 1}), Subject("a-gpt2", {"model_type": "gpt2"})


def row(subject: Subject, **more: Any) -> dict[str, Any]:
    head = {"model_type": subject.model_type, "config": digest(subject.config)}
    return {**head, "made_with": "transformers 5.0, torch 2.0+cpu", **more}


@pytest.fixture
def campaign(tmp_path: Path) -> Iterator[Campaign]:
    """Two subjects, each with a row."""
    made = Campaign("make it MODEL_TYPES", Record(tmp_path / "record.json", "of a test"), lambda: [LLAMA, GPT2])
    made.record.renew({LLAMA.id: row(LLAMA), GPT2.id: row(GPT2)}, [])
    return made


def test_a_row_is_renewed_and_the_others_are_left_to_the_letter(campaign: Campaign) -> None:
    before = campaign.record.path.read_text(encoding="utf-8").splitlines()
    campaign.record.renew({LLAMA.id: row(LLAMA, total=2)}, ["llama"])
    after = campaign.record.path.read_text(encoding="utf-8").splitlines()
    assert campaign.record.rows()[LLAMA.id]["total"] == 2
    assert [line for line in before if "gpt2" in line] == [line for line in after if "gpt2" in line]
    assert json.loads("\n".join(after))["what"] == "of a test"


def test_what_a_type_no_longer_has_goes_with_the_next_run_and_what_is_kept_stays(campaign: Campaign) -> None:
    campaign.record.renew({}, ["llama"], kept=[LLAMA.id])
    assert campaign.record.rows().keys() == {LLAMA.id, GPT2.id}
    campaign.record.renew({}, ["llama"])
    assert campaign.record.rows().keys() == {GPT2.id}
    campaign.record.renew({"a-gpt2 whole": row(GPT2)}, [GPT2.id])
    assert campaign.record.rows().keys() == {"a-gpt2 whole"}


def test_a_type_or_an_id_is_chosen_and_a_name_that_is_nobodys_is_told(campaign: Campaign) -> None:
    assert campaign.chosen([]) == [LLAMA, GPT2]
    assert campaign.chosen(["llama"]) == campaign.chosen([LLAMA.id]) == [LLAMA]
    assert campaign.unknown(["llama", GPT2.id, "lama"]) == ["lama"]


@pytest.mark.parametrize(
    ("now", "pinned", "found"),
    [
        ([LLAMA, GPT2], {"transformers": "5.0", "torch": "2.0"}, []),
        ([LLAMA, GPT2], {}, []),
        ([LLAMA, GPT2, LLAMA._replace(id="another")], {}, []),
        ([GPT2], {}, [("no longer there", "a-llama", "llama")]),
        ([LLAMA, GPT2._replace(config={"model_type": "gpt2", "y": 0})], {}, [("config changed", "a-gpt2", "gpt2")]),
        ([LLAMA, GPT2, Subject("new", {"model_type": "new"})], {}, [("no row", "new", "new")]),
        (
            [LLAMA, GPT2],
            {"torch": "2.1"},
            [("made with torch 2.0, not 2.1", name, name[2:]) for name in ("a-gpt2", "a-llama")],
        ),
    ],
)
def test_a_row_is_outdated(
    campaign: Campaign, now: list[Subject], pinned: dict[str, str], found: list[tuple[str, str, str]]
) -> None:
    later = campaign._replace(subjects=lambda: now)
    assert sorted(later.outdated(pinned)) == sorted(Outdated(*each) for each in found)


def test_a_digest_is_of_the_keys_and_values_in_any_order() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert len({digest(each) for each in ({"a": 1}, {"a": 2}, {"b": 1}, {"a": None}, {})}) == 5


def test_one_line_says_what_to_run() -> None:
    path = ROOT / "tests" / "truth" / "some.json"
    one = [Outdated("config changed", f"model {n}", "llama") for n in range(7)] + [Outdated("no row", "new", "new")]
    assert line(path, "make it MODEL_TYPES", one, ["llama", "gpt2"]) == (
        'tests/truth/some.json is stale: run make it MODEL_TYPES="llama new" '
        "(config changed: model 0, model 1, model 2, model 3, model 4 and 2 more; no row: new)"
    )
    assert line(path, "make it MODEL_TYPES", one[:1], ["llama"]) == (
        "tests/truth/some.json is stale: run make it (config changed: model 0)"
    )
    assert line(path, "make it MODEL_TYPES", [], ["llama"]) is None


def test_versions_are_those_that_pyproject_names() -> None:
    pinned = pins("oracle")
    assert pinned.keys() >= {"transformers", "torch", "bitsandbytes", "compressed-tensors", "torchao"}
    assert other_version("hqq 0.2.8.post1", pinned) is None
    assert other_version(f"torch {pinned['torch']}+cpu", pinned) is None
    assert pins("oracle", "measure") == {**pinned, **pins("measure")}
    assert pins("measure")["transformers"] == newest("transformers")
    assert other_version("transformers 1.0", pinned) == f"made with transformers 1.0, not {pinned['transformers']}"


def test_rows_say_what_they_are_of_and_made_with() -> None:
    for each in CAMPAIGNS:
        for name, found in each.record.rows().items():
            assert {"model_type", "config", "made_with"} <= found.keys(), name
    measured = ACTIVATIONS.record.rows().values()
    assert all(row.keys() & {"generated", "called", "not_run"} for row in measured)


def test_layouts_are_outdated_by_what_was_never_asked_and_by_other_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(layouts.outdated({})) == []
    older = list(layouts.outdated({"torchao": "99"}))
    assert {each.part for each in older} >= {"ao_int8", "ao_fp8", "torchao-int8"}
    monkeypatch.setitem(layouts.LAYERS, "new", layouts.LAYERS["bnb_nf4"])  # type: ignore[index]
    monkeypatch.setitem(layouts.MODELS, "llama", {"model_type": "other"})
    found = list(layouts.outdated({}))
    assert {each.name for each in found if each.why == "no row"} == {f"new {r}x{c}" for r, c in layouts.SHAPES}
    assert {each.name.split()[1] for each in found if each.why == "config changed"} == {"llama"}
