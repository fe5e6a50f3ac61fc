"""Which models are worth naming, and in which order: asked of models that never were, one difference at a time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from llmscale.answers import worth
from llmscale.answers.fits import fits
from llmscale.answers.ranking import Wanted, ordered, score_of
from llmscale.answers.worth import RECENT, Worth, month, ranked_by, weight, worths, worthwhile
from llmscale.catalogue.entries import models
from llmscale.errors import UnsupportedModelError, UsageError

NOW = month("2026-06")


def one(name: str, **changes: Any) -> Worth:
    """A dense open model of 8 B that chats, of this month, which one packager has."""
    usual: dict[str, Any] = {
        "line": ("Maker", "it"),
        "purposes": frozenset({"chat"}),
        "open": True,
        "month": NOW,
        "released": "2026-06",
        "licence": "Apache-2.0",
        "parameters": 8 * 10**9,
        "sparse": False,
        "scores": {},
        "packagers": 1,
    }
    return Worth(id=name, **{**usual, **changes})


def named(*models: Worth, **asked: Any) -> set[str]:
    return worthwhile({model.id: model for model in models}, **asked)


@pytest.mark.parametrize(
    ("text", "number"),
    [("0001", 12), ("2026", 12 * 2026), ("2026-01", 12 * 2026), ("2026-12-31", 12 * 2026 + 11), ("soon", 0), ("", 0)],
)
def test_a_month_is_a_number(text: str, number: int) -> None:
    assert month(text) == number


def test_an_older_one_of_its_line_gives_way() -> None:
    old = {"month": NOW - 1}
    assert named(one("new"), one("old", **old)) == {"new"}
    assert named(one("new"), one("same")) == {"new", "same"}, "none is newer"
    assert named(one("new"), one("old", **old, line=("Maker", "other"))) == {"new", "old"}
    assert named(one("new"), one("old", **old, sparse=True)) == {"new", "old"}, "another kind of model"


@pytest.mark.parametrize(
    ("billions", "gives_way"), [(6.9, True), (8, True), (11.4, True), (5.5, False), (12, False), (6.3, False)]
)
def test_only_to_one_about_as_large(billions: float, gives_way: bool) -> None:
    """The newer one has 0.7 to 1.25 times its parameters."""
    old = one("old", month=NOW - 1, parameters=round(billions * 1e9))
    assert named(one("new"), old) == ({"new"} if gives_way else {"new", "old"})


@pytest.mark.parametrize(("new", "old", "gives_way"), [(1, 1, True), (0, 0, True), (1, 0, True), (0, 1, False)])
def test_only_to_one_that_is_packaged_as_well(new: int, old: int, gives_way: bool) -> None:
    found = named(one("new", packagers=new), one("old", packagers=old, month=NOW - 1))
    assert found == ({"new"} if gives_way else {"new", "old"})


def test_only_to_one_that_the_newest_test_rates_where_it_rates_the_older() -> None:
    test = worth._newest_first(None)[0]
    old = one("old", month=NOW - 1, scores={test: 50.0})
    assert named(one("new"), old) == {"new", "old"}
    assert named(one("new", scores={test: 40.0}), old) == {"new"}
    assert named(one("new", scores={test: 40.0}), old._replace(scores={})) == {"new"}


def test_what_writes_is_named_for_two_years_and_what_embeds_for_ever() -> None:
    lines = [one(str(age), month=NOW - age, line=("Maker", str(age))) for age in (0, 24, 25)]
    assert named(*lines) == {"0", "24"}
    embedding = frozenset({"embedding"})
    assert named(*(each._replace(purposes=embedding) for each in lines), purpose="embedding") == {"0", "24", "25"}


def test_only_open_ones_for_what_is_asked_under_a_licence() -> None:
    closed, coder = one("closed", open=False), one("coder", purposes=frozenset({"chat", "code"}))
    other = one("other", line=("Maker", "other"), licence="MIT")
    assert named(closed, coder, other) == {"coder", "other"}
    assert named(closed, coder, other, purpose="code") == {"coder"}
    assert named(closed, coder, other, licence="mit") == {"other"}
    with pytest.raises(UsageError, match="--for 'cooking' is not known"):
        named(coder, purpose="cooking")


def test_a_doubling_weighs_as_much_as_a_year() -> None:
    assert weight(one("a", parameters=16 * 10**9)) - weight(one("b")) == pytest.approx(1)
    assert weight(one("a")) - weight(one("b", month=NOW - 12)) == pytest.approx(1)
    assert weight(one("nothing", parameters=0)) == pytest.approx(NOW / 12)


def test_the_newest_test_that_rates_any_of_them_counts() -> None:
    newest, older, *_ = worth._newest_first(None)
    assert ranked_by({newest, older}.__contains__) == newest
    assert ranked_by({older}.__contains__) == older
    assert ranked_by(set().__contains__) == ""
    code = worth._newest_first("code")[0]
    assert ranked_by({code, newest}.__contains__, "code") == code
    assert ranked_by({code}.__contains__) == ""


def test_what_the_catalogue_says_of_a_model() -> None:
    found = worths(None)
    coder, mixture, embedder = found["starcoder-7b"], found["qwen3-30b-a3b"], found["bge-base-en-v1.5"]
    assert coder.purposes == {"chat", "code"}
    assert coder.line[1:] == ("starcoder",)
    assert (coder.sparse, mixture.sparse) == (False, True)
    assert embedder.purposes == {"embedding"}
    assert coder.month == month(coder.released) > month("2023")
    assert all(each.common == min(each.packagers, 2) for each in found.values())
    assert found["llama-3.1-8b"].common == 2


def row(name: str, fits: bool = True, missing: int = 0, context: int | None = 8192, speed: float | None = 50.0) -> Any:
    line = SimpleNamespace(max_context=context, tokens_per_second=speed)
    about = SimpleNamespace(id=name, parameters=len(name))
    chosen = SimpleNamespace(quant=SimpleNamespace(id="no-such-quant"))
    entry = SimpleNamespace(id=name, model=SimpleNamespace(about=about))
    told = {"fits": fits, "missing": missing, "line": line, "worth": one(name), "refused": False}
    return SimpleNamespace(entry=entry, chosen=chosen, **told)


class Refused:
    """A row that the runtime refuses after all."""

    fits = True

    @property
    def line(self) -> Any:
        raise UnsupportedModelError("no")


@pytest.mark.parametrize(
    ("wanted", "context", "speed", "taken"),
    [
        (Wanted(), 1, None, True),
        (Wanted(min_context=8192), 8192, None, True),
        (Wanted(min_context=8192), 8191, 99.0, False),
        (Wanted(min_context=8192), None, None, True),
        (Wanted(min_speed=50), 1, 50.0, True),
        (Wanted(min_speed=50), 9999, 49.9, False),
        (Wanted(min_speed=50), 9999, None, False),
        (Wanted(min_context=8192, min_speed=50), 8192, 50.0, True),
        (Wanted(min_context=8192, min_speed=50), 8192, 1.0, False),
        (Wanted(min_context=8192, min_speed=50), 1, 50.0, False),
    ],
)
def test_what_is_wanted_of_a_model_that_fits(
    wanted: Wanted, context: int | None, speed: float | None, taken: bool
) -> None:
    assert wanted.takes(row("a", context=context, speed=speed)) is taken
    assert wanted.takes(row("a", fits=False, context=context, speed=speed)), "what does not fit is not judged here"
    assert wanted.takes(Refused())  # type: ignore[arg-type]


def test_what_fits_comes_first_then_what_lacks_least() -> None:
    rows = [row("far", False, 9), row("near", False, 3), row("b"), row("a")]

    def order(sort: str = "score", first: frozenset[str] = frozenset(), test: str = "") -> list[str]:
        return [each.entry.model.about.id for each in ordered(rows, Wanted(sort=sort), test, first)]

    assert order() == ["a", "b", "near", "far"]
    assert order(first=frozenset({"b", "far"})) == ["b", "a", "near", "far"]
    rows[2].line.tokens_per_second = 51.0
    assert order("speed") == ["b", "a", "near", "far"]
    rows[3].line.max_context = 9000
    assert order("context") == ["a", "b", "near", "far"]
    rows[2].worth = one("b", packagers=2)
    assert order() == ["b", "a", "near", "far"]
    rows[3].worth = one("a", scores={"t": 1.0})
    assert order(test="t") == ["a", "b", "near", "far"]
    rows[2].worth = one("b", scores={"t": 2.0})
    assert order(test="t") == ["b", "a", "near", "far"]
    rows[2].worth = None
    assert order() == ["a", "b", "near", "far"]
    rows[0].refused = True
    assert order() == ["a", "b", "near"], "what no runtime takes has no place"


class Watched(SimpleNamespace):
    """A row that says when somebody asks whether it fits."""

    asked: list[str]

    @property
    def fits(self) -> bool:
        self.asked.append(self.entry.id)
        return True


def test_no_more_is_asked_about_than_what_is_taken() -> None:
    asked: list[str] = []
    scores = {"best": 90.0, "good": 80.0, "fair": 70.0, "poor": 10.0}
    rows = [
        Watched(asked=asked, worth=one(name, scores={"t": score}), entry=row(name).entry, chosen=row(name).chosen)
        for name, score in reversed(scores.items())
    ]
    rows[-1].chosen.quant.id = "q2_k"  # loses more than it is ahead by
    lazily = ordered(rows, Wanted(), "t", frozenset())
    assert [next(lazily).entry.id for _ in range(2)] == ["good", "fair"]
    assert set(asked) == {"best", "good", "fair"}
    assert [each.entry.id for each in lazily] == ["best", "poor"]


def test_a_score_is_that_of_the_test_less_what_the_quant_loses() -> None:
    rated = row("a")
    rated.worth = one("a", scores={"t": 50.0})
    assert (score_of(rated, "t"), score_of(rated, "u")) == (50.0, None)
    rated.chosen.quant.id = "q2_k"
    assert 0 < (score_of(rated, "t") or 0) < 50.0


@pytest.mark.parametrize(
    ("entry", "purposes"),
    [
        ({"modality": "text", "config": {"architectures": ["LlamaForCausalLM"]}}, {"chat"}),
        ({"modality": "text", "config": {"architectures": ["BertModel"]}}, set()),
        ({"modality": "text", "config": {"architectures": ["BertForMaskedLM"]}}, set()),
        ({"modality": "text", "config": {"architectures": ["BartForSequenceClassification"]}}, set()),
        ({"modality": "text", "config": {"architectures": ["ChatGLMModel"]}}, {"chat"}),
        ({"modality": "text", "config": {"architectures": ["GPT2LMHeadModel"]}}, {"chat"}),
        ({"modality": "multimodal", "config": None}, {"chat", "vision"}),
        ({"modality": "multimodal", "config": {"architectures": ["CLIPModel"]}}, set()),
        ({"modality": "text", "config": None, "made_for": ["embedding"]}, {"embedding"}),
    ],
)
def test_what_a_model_is_for_is_said_by_its_entry_and_its_class(entry: dict[str, Any], purposes: set[str]) -> None:
    fields = models()["entries"]["llama-2-7b"] | entry
    assert worth.worth_of("some-7b", fields, {}).purposes == purposes


def test_code_is_for_models_that_write_it_and_embedders_are_for_no_chat() -> None:
    known = worths(None)
    assert "code" in known["qwen3-coder-30b-a3b"].purposes
    assert known["jina-code-embeddings-1.5b"].purposes == {"embedding"}
    assert known["uae-large-v1"].purposes == known["harrier-oss-v1-0.6b"].purposes == {"embedding"}
    assert known["ms-marco-tinybert-l2-v2"].purposes == {"rerank"}
    assert "chat" not in known["xlm-roberta-base"].purposes


def test_a_size_is_not_cut_off_by_age_from_its_generation() -> None:
    """Qwen2.5-Coder 7B and 1.5B came out two months before the 3B and the 14B, and are of one kind with them."""
    known = worths(None)
    found = worthwhile(known, "code")
    assert known["qwen2.5-coder-7b"].generation == known["qwen2.5-coder-3b"].generation
    assert known["qwen2.5-coder-7b"].month < max(one.month for one in known.values()) - RECENT
    assert {"qwen2.5-coder-7b", "qwen2.5-coder-3b"} <= found
    assert "glm-4-9b" not in worthwhile(known)
    small = [line.id for line in fits("rtx4060", purpose="code").models if line.id.startswith("qwen2.5-coder")]
    assert small.index("qwen2.5-coder-7b") < small.index("qwen2.5-coder-3b")
