"""Options that several commands share, as people write them."""

from __future__ import annotations

import pytest

from tests.helpers import good, run


@pytest.mark.parametrize(
    ("text", "tokens"), [("8192", 8192), ("8k", 8192), ("8K", 8192), ("8,192", 8192), ("+5", 5), ("128k", 131_072)]
)
def test_contexts_as_people_write_them(text: str, tokens: int) -> None:
    assert good("estimate", "7B", "--context", text, "-o", "json").json()["context"] == tokens


def test_quants_and_devices_may_be_given_several_times() -> None:
    answer = good(
        "estimate", "7B", "-q", "int4", "-q", "half", "--gpu", "RTX 4090", "--gpu", "2x rtx-3090", "-o", "json"
    ).json()
    assert [line["quant"] for line in answer["estimates"]] == ["int4", "fp16"]
    assert [(d["id"], d["count"]) for d in answer["estimates"][0]["devices"]] == [("rtx4090", 1), ("rtx3090", 2)]


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["estimate", "7B", "--gpu", "rtx4090", "--check"], 0),
        (["estimate", "llama-2-70b", "--gpu", "rtx4090", "--check"], 1),
        (["estimate", "llama-2-70b", "--gpu", "rtx4090", "--gpu", "2x h200", "--check"], 0),
        (["fits", "rtx4090", "7B", "--check"], 0),
        (["fits", "rtx4090", "700B", "--check"], 1),
        (["fits", "700B", "--check"], 3),
        (["fits", "rtx4090", "--check"], 0),
        (["models", "check"], 0),
    ],
)
def test_check_answers_with_its_exit_status(arguments: list[str], status: int) -> None:
    answer = run(*arguments)
    assert answer.status == status
    assert bool(answer.out) == (status < 2)


def test_check_fails_on_a_figure_without_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    from llmscale.catalogue import entries as catalogue

    entry = catalogue.lookup("gpt2")
    wrong = type(entry)(**{**vars(entry), "parameters": 200_000_000})
    monkeypatch.setattr(catalogue, "entries", lambda *_: iter([wrong]))
    answer = run("models", "check")
    assert answer.status == 1
    assert "UNEXPLAINED" in answer.out
    assert "200.0 M" in answer.out


def test_all_and_max_count_show_more() -> None:
    def devices(*more: str) -> int:
        return len(good("needs", "llama-2-70b", "-o", "json", *more).json()["devices"])

    assert devices() < devices("--all") < devices("--all", "--max-count", "8")
