"""The catalogue as it ships: who is in it, under which names, with which sources."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from llmscale import params
from llmscale.catalogue import entries as catalogue
from llmscale.errors import NotFoundError, UndisclosedError
from llmscale.model.inventory import inventory
from llmscale.names import normal
from llmscale.quantity import Basis
from llmscale.sources.registry import load
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
