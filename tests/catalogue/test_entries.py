"""The catalogue as it ships: who is in it, under which names, with which sources; and that every config counts."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from llmscale.fit.peers import peers

from llmscale import check_models, params
from llmscale.catalogue import entries as catalogue
from llmscale.catalogue.summaries import outline, outlines
from llmscale.errors import NotFoundError, UndisclosedError
from llmscale.model.inventory import inventory
from llmscale.model.shape import Shape, shape_of
from llmscale.names import normal
from llmscale.quantity import Basis
from llmscale.sources.catalogue import of_entry
from llmscale.sources.registry import load
from llmscale.speed.profile import ComputeProfile, profile_of
from llmscale.store.tables import table

ENTRIES = {entry.id: entry for entry in catalogue.entries()}

NAMED = [
    "bert-base",
    "bert-large",
    "gpt2",
    "gpt2-medium",
    "gpt2-large",
    "gpt2-xl",
    "gpt-3",
    "gpt-3-small",
    "gpt-3-medium",
    "gpt-3-large",
    "gpt-3-xl",
    "gpt-3-2.7b",
    "gpt-3-6.7b",
    "gpt-3-13b",
    "gpt-4",
    "llama-7b",
    "llama-13b",
    "llama-33b",
    "llama-65b",
    "llama-2-7b",
    "llama-2-13b",
    "llama-2-70b",
    "llama-3-8b",
    "llama-3-70b",
    "llama-3.1-8b",
    "llama-3.1-70b",
    "llama-3.1-405b",
    "llama-3.2-1b",
    "llama-3.2-3b",
    "orion-14b",
    "chatglm-6b",
    "ernie-3.0-base",
    "ernie-3.0-titan",
    "ernie-bot",
    "qwen-7b",
    "hunyuan-large",
    "doubao",
    "spark",
    "kimi-k2",
    "deepseek-v2",
    "deepseek-v3",
    "deepseek-r1",
    "glm-4.5",
    "tars",
    "vit-tiny",
    "vit-small",
    "vit-base",
    "vit-large",
    "vit-huge",
    "swin-tiny",
    "swin-small",
    "swin-base",
    "swin-large",
    "mixtral-8x7b",
    "gpt-oss-20b",
    "gemma-3-27b",
]

#: Figures that anybody can look up.
FIGURES = {
    "llama-2-7b": 6_738_415_616,
    "llama-2-70b": 68_976_648_192,
    "bert-base": 109_482_240,
    "gpt2": 124_439_808,
    "mixtral-8x7b": 46_702_792_704,
    "deepseek-v3": 671_026_419_200,
}

UNDISCLOSED = ["gpt-4", "doubao", "spark", "ernie-bot", "tars"]


def test_it_is_large() -> None:
    assert len(ENTRIES) >= 110


@pytest.mark.parametrize("name", NAMED)
def test_who_is_in_it(name: str) -> None:
    assert name in ENTRIES
    assert catalogue.lookup(name).id == name


@pytest.mark.parametrize(("name", "count"), FIGURES.items())
def test_fixed_figures(name: str, count: int) -> None:
    spec = load(name).known()
    assert inventory(spec).total() == count
    assert spec.basis is Basis.EXACT


def test_mixtures_are_active_in_part() -> None:
    assert inventory(load("mixtral-8x7b").known()).active() == 12_879_925_248
    assert 36e9 < inventory(load("deepseek-v3").known()).active() < 38e9
    assert 31e9 < inventory(load("kimi-k2").known()).active() < 34e9


def test_gpt_3_is_what_its_paper_says() -> None:
    assert inventory(load("gpt-3").known()).total() == pytest.approx(175e9, rel=0.003)


@pytest.mark.parametrize("name", UNDISCLOSED)
def test_what_is_not_disclosed_has_no_number_of_ours(name: str) -> None:
    entry = ENTRIES[name]
    assert entry.size is None
    assert entry.config is None
    assert len(entry.undisclosed) > 20
    answer = params(name)
    assert answer.parameters is None
    assert answer.disclosure == entry.undisclosed
    with pytest.raises(UndisclosedError) as caught:
        load(name).known()
    assert caught.value.exit_status == 3
    assert any(suggestion in caught.value.hint for suggestion in [*entry.suggest, "size literal"])


def test_rumours_of_gpt_4_are_told_as_rumours() -> None:
    answer = params("gpt-4")
    assert answer.model.basis == "rumoured"
    assert len(answer.rumours) >= 2
    for rumour in answer.rumours:
        assert 0 < rumour.low <= rumour.high
        assert rumour.who
        assert rumour.source.startswith("http")


def test_every_entry_says_where_it_is_from() -> None:
    for entry in ENTRIES.values():
        assert entry.source, entry.id
        assert entry.name, entry.id
        assert entry.publisher, entry.id
        assert entry.licence, entry.id
        assert re.fullmatch(r"20\d\d(-\d\d(-\d\d)?)?", entry.released), entry.id
        assert not entry.config or (entry.config_source and entry.checked), entry.id
        assert not entry.config or not entry.no_config, entry.id
        assert entry.config or entry.no_config or entry.undisclosed, entry.id
        assert not (entry.undisclosed and entry.parameters), entry.id
        assert set(entry.suggest) <= set(ENTRIES), entry.id


def test_every_config_counts_and_is_compiled_as_it_counts() -> None:
    counted = 0
    for entry in ENTRIES.values():
        if entry.config is None:
            continue
        spec = of_entry(entry).known()
        parts = inventory(spec)
        assert entry.counted == parts.total() == entry.size, entry.id
        assert entry.counted_active == parts.active(), entry.id
        drawn = outline(entry.id)
        assert drawn is not None
        assert drawn.shape is not None
        assert drawn.motion is not None
        compiled = Shape.from_json(drawn.shape)._replace(llama_cpp=None, transformers=(), max_context=spec.max_context)
        assert compiled == shape_of(spec), entry.id
        assert ComputeProfile(*drawn.motion) == profile_of(parts), entry.id
        told = (drawn.name, drawn.source, drawn.parameters, drawn.active, drawn.limit, drawn.published_in)
        whole = (spec.name, spec.source, parts.total(), parts.active(), spec.max_context, spec.published_in)
        assert told == whole, entry.id
        assert entry.context is None or spec.max_context == entry.context, entry.id
        counted += 1
    assert counted >= 110


def test_an_outline_is_there_of_every_model_whose_size_is_known_and_of_no_other() -> None:
    drawn = {found.id: found for found in outlines()}
    assert list(drawn) == [entry.id for entry in ENTRIES.values() if entry.size]
    for entry in ENTRIES.values():
        if entry.size and not entry.config:
            told = drawn[entry.id]
            assert (told.parameters, told.active) == (entry.parameters, entry.active_parameters)
            assert (told.shape, told.motion) == (None, None)


def test_the_peers_of_a_size_are_the_catalogues_own_shapes() -> None:
    shapes = [shape_of(of_entry(entry).known()) for entry in ENTRIES.values() if entry.config]
    hidden = {(shape.layers, shape.hidden, shape.caches) for shape in shapes if shape.caches}
    assert {(p.shape.layers, p.shape.hidden, p.shape.caches) for p in peers(7 * 10**9, False)} <= hidden


def test_what_is_stated_agrees_with_what_is_counted_or_says_why_not() -> None:
    answer = check_models()
    assert answer.checked >= 100
    assert [line.id for line in answer.differing if not line.explained] == []
    assert answer.unexplained == 0
    for line in answer.differing:
        assert abs(line.stated / line.counted - 1) > 0.005
        assert line.relative == pytest.approx(line.stated / line.counted - 1)


def test_the_check_finds_a_stated_figure_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = ENTRIES["llama-2-7b"]
    wrong = [type(entry)(**{**vars(entry), "parameters": 7_500_000_000}), ENTRIES["gpt2"], ENTRIES["gpt-4"]]
    monkeypatch.setattr(catalogue, "entries", lambda *_: iter(wrong))
    answer = check_models()
    assert (answer.checked, answer.unexplained) == (2, 1)
    (line,) = answer.differing
    assert (line.id, line.stated, line.counted, line.explained) == ("llama-2-7b", 7_500_000_000, 6_738_415_616, False)


# -- names -------------------------------------------------------------------------------------


def test_every_alias_leads_to_its_own_entry_and_to_no_other() -> None:
    for entry in ENTRIES.values():
        for alias in (entry.id, *entry.aliases):
            assert catalogue.lookup(alias).id == entry.id, alias
    spellings = Counter(normal(alias) for entry in ENTRIES.values() for alias in (entry.id, *set(entry.aliases)))
    doubled = {
        spelling: {entry.id for entry in ENTRIES.values() if spelling in map(normal, (entry.id, *entry.aliases))}
        for spelling, times in spellings.items()
        if times > 1
    }
    assert {spelling: ids for spelling, ids in doubled.items() if len(ids) > 1} == {}


def test_no_spelling_is_ambiguous_and_every_one_leads_somewhere() -> None:
    names = table("models")["names"]
    assert {spelling: ids for spelling, ids in names.items() if len(ids) != 1} == {}
    assert {i for ids in names.values() for i in ids} == set(ENTRIES)


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("Llama-3.1-8B", "llama-3.1-8b"),
        ("Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("LLAMA 2 70B", "llama-2-70b"),
        ("meta-llama/Llama-2-7b-hf", "llama-2-7b"),
        ("opt-1.3b", "opt-1.3b"),
        ("opt-13b", "opt-13b"),
        ("OPT 1.3B", "opt-1.3b"),
        ("通义千问-7b", "qwen-7b"),
        ("豆包", "doubao"),
        ("文心一言", "ernie-bot"),
        ("讯飞星火", "spark"),
        ("混元", "hunyuan-large"),
        ("Kimi K2", "kimi-k2"),
        ("GPT3", "gpt-3"),
    ],
)
def test_names_as_people_type_them(name: str, model: str) -> None:
    assert catalogue.lookup(name).id == model


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("llama-2-65b", ["llama-65b", "llama-2-70b"]),
        ("LLaMA 2 65B", ["llama-65b", "llama-2-70b"]),
        ("llama-3-7b", ["llama-3-8b"]),
        ("llama-3.1-7b", ["llama-3.1-8b"]),
    ],
)
def test_models_that_never_were_are_told_apart_from_the_ones_meant(name: str, instead: list[str]) -> None:
    with pytest.raises(NotFoundError, match=r"has no \d+B") as caught:
        catalogue.lookup(name)
    assert all(model in caught.value.hint for model in instead)
    assert all(model in ENTRIES for misnomer in table("models")["misnomers"].values() for model in misnomer["suggest"])


def test_a_near_miss_gets_the_nearest() -> None:
    with pytest.raises(NotFoundError, match="no model called 'lama-2-7b'") as caught:
        catalogue.lookup("lama-2-7b")
    assert "llama-2-7b" in caught.value.hint
