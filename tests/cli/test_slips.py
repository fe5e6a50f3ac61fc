"""Slips of the command line: what can mean one thing only is done and said, all else is refused as before."""

from __future__ import annotations

import pytest

from tests.helpers import good, run


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("fits llama-3.1-8b rtx4090", "fits rtx4090 llama-3.1-8b"),
        ("fits m3 max 64gb", "fits 'm3 max 64gb'"),
        ("fits 2 L40S llama-3.1-70b", "fits '2 L40S' llama-3.1-70b"),
        ("fits 2x rtx3090", "fits '2x rtx3090'"),
        ("fits rtx3060 + 32GB ram llama-3.1-70b", "fits 'rtx3060 + 32GB ram' llama-3.1-70b"),
        ("estimate llama-3.1-8b --ctx 8192", "estimate llama-3.1-8b --context 8192"),
        ("estimate llama-3.1-8b --ctx-size=8192", "estimate llama-3.1-8b --context=8192"),
        ("estimate llama-3.1-8b --cache-type-k q8_0 -ctv q4_0", "estimate llama-3.1-8b --kv-dtype k=q8_0,v=q4_0"),
        ("estimate llama-3.1-8b -q q4_k_m -ctk q8_0 -ctv q8_0", "estimate llama-3.1-8b -q q4_k_m --kv-dtype q8_0"),
        ("estimate qwen3-8b -q q4_k_m --cache-type-v=q8_0", "estimate qwen3-8b -q q4_k_m --kv-dtype k=f16,v=q8_0"),
        ("estimate llama-3.1-8b --gpus 2 --gpu rtx4090", "estimate llama-3.1-8b --gpu '2x rtx4090'"),
        ("estimate llama-3.1-8b --gpu 2x rtx3090", "estimate llama-3.1-8b --gpu '2x rtx3090'"),
        ("estimate llama-3.1-8b rtx4090", "estimate llama-3.1-8b --gpu rtx4090"),
        ("estimate llama 3.1 8b q4", "estimate 'llama 3.1 8b q4'"),
        ("llama-3.1-8b", "estimate llama-3.1-8b"),
        ("fits llama-3.1-8b", "needs llama-3.1-8b"),
        ("estimate rtx4090", "fits rtx4090"),
        ("needs rtx4090", "fits rtx4090"),
        ("params rtx4090", "devices show rtx4090"),
        ("models show rtx4090", "devices show rtx4090"),
        ("devices show llama-3.1-8b", "models show llama-3.1-8b"),
        ("plot context llama-3.1-8b", "plot memory llama-3.1-8b"),
        ("rtx4090 -o json", "fits rtx4090 -o json"),
        ("estimate llama-3.1-8b --json", "estimate llama-3.1-8b -o json"),
    ],
)
def test_what_is_meant_is_done_and_said(typed: str, meant: str) -> None:
    answer = run(*typed.split())
    assert answer.status == 0
    assert f"taken as: llmscale {meant}\n" in answer.err
    assert answer.out


@pytest.mark.parametrize(
    ("typed", "same"),
    [
        ("help", "--help"),
        ("-h", "--help"),
        ("version", "--version"),
        ("help fits", "fits --help"),
        ("fits -h", "fits --help"),
    ],
)
def test_help_and_version_by_other_names(typed: str, same: str) -> None:
    answer = run(*typed.split())
    assert answer.out == good(*same.split()).out
    assert answer.err == ""


def test_two_slips_in_one_line() -> None:
    answer = run("estimate", "llama-3.1-8b", "--ctx", "8192", "rtx4090")
    assert answer.status == 0
    assert answer.err.splitlines()[-1] == "taken as: llmscale estimate llama-3.1-8b --context 8192 --gpu rtx4090"


@pytest.mark.parametrize(
    ("typed", "status", "said"),
    [
        ("fits rtx4090 nosuchmodel", 3, "There is no model called 'nosuchmodel'"),
        ("estimate llama-3.1-8b --foo", 2, "No such option: --foo"),
        ("estimate 7", 3, "There is no model called '7'"),
        ("frobnicate", 2, "No such command 'frobnicate'"),
        ("estimate llama-3.1-8b --gpus 2", 3, "There is no device called '2'"),
    ],
)
def test_what_nobody_can_tell_is_refused_once(typed: str, status: int, said: str) -> None:
    answer = run(*typed.split())
    assert answer.status == status
    assert answer.err.count("error: ") == 1
    assert said in answer.err


@pytest.mark.parametrize(("typed", "tokens"), [("1e5", 100_000), ("8k", 8192), ("128K", 131_072), ("1m", 1 << 20)])
def test_contexts_as_people_write_them(typed: str, tokens: int) -> None:
    assert good("estimate", "qwen2.5-7b", "-c", typed, "-q", "q4_k_m", "-o", "json").json()["context"] == tokens


def test_a_size_without_its_unit_gets_the_very_word_to_type() -> None:
    assert "hint: A size has a unit: 7B." in run("estimate", "7").err
