"""Releases as data: which one holds for a version, and what a file of them must look like."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from llmscale.compile.registry import make
from llmscale.errors import InputFileError, NotFoundError, UsageError
from llmscale.runtimes import releases as room
from llmscale.runtimes.registry import NAMES
from llmscale.runtimes.releases import holding, newest, parsed, releases, title
from llmscale.runtimes.vllm.releases import MEASURED
from llmscale.store.yaml_file import YamlFile
from tests.helpers import good, run

BUILDS = """
title: llama.cpp
releases:
  b9000: {source: s, read: [b9000, b9100], one_buffer: true, flash_attention: true, cells: 32, all_outputs: true,
          mask_cast: true, reserves_f16: false}
  b10488: {source: s, read: [b10488, "0c1e57098"], measured: [b10500]}
"""


def compiled(folder: Path, text: str, runtime: str = "llama.cpp") -> dict[str, Any]:
    """The table of one file."""
    path = folder / f"{runtime}.yaml"
    path.write_text(text, encoding="utf-8")
    return make("releases", YamlFile.read(str(path)))


# What is asked


def test_the_newest_was_read() -> None:
    for runtime in NAMES:
        assert newest(runtime) in {version for span in releases(runtime) for version in span.read}, runtime
    assert newest("vllm") != MEASURED


def test_a_span_holds_until_the_next_one() -> None:
    for said, since in {
        "0.6": "0.6.0",
        "0.7.3": "0.6.6",
        "0.8": "0.8.0",
        "0.9": "0.9.0",
        "v0.19.0": "0.17.0",
        " 0.19.2rc1 ": "0.17.0",
        "0.20": "0.20.0",
        "0.20.0": "0.20.0",
        "0.20.1.post1": "0.20.1",
        "0.21": "0.21.0",
        "0.33.0": "0.29.0",
        "1.0": "0.29.0",
    }.items():
        assert holding("vllm", said).since == since, said
    assert (newest("vllm"), title("vllm")) == ("0.33.0", "vLLM")
    assert holding("sglang", "0.5.22") == holding("sglang", "0.5.23")
    assert holding("ollama", "0.33.0").read == ("0.33.0-rc2",)


def test_what_did_not_change_is_what_it_was() -> None:
    spans = releases("vllm")
    changed = [
        {name for name in before.rules if before.rules[name] != after.rules[name]}
        for before, after in pairwise(spans[:4])
    ]
    assert changed == [{"long_step"}, {"whole_prompts"}, {"a100_small"}]


def test_sglang_is_asked_for_from_the_first_release_that_was_read() -> None:
    asked = ("estimate", "llama-3.1-8b", "--gpu", "rtx4090", "--quant", "fp8", "-o", "json", "--runtime")
    older, newer = (json.loads(good(*asked, f"sglang@{release}").out) for release in ("0.5.22", "0.5.23"))
    (before,), (after,) = older["estimates"], newer["estimates"]
    assert (before["release"], after["release"]) == ("0.5.22", "0.5.23")
    assert before["total_bytes"] == after["total_bytes"]
    assert before["devices"] == after["devices"]
    told = run(*asked, "sglang@0.4.0")
    assert told.status != 0
    assert "SGLang 0.4.0 is older than anything that was read" in told.err
    assert "0.4.1 is the oldest" in told.err


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("0.5.5", "0.6.0 is the oldest"),
        ("latest", "newest that was read is 0.33.0"),
        ("", "newest that was read is 0.33.0"),
        ("0.19,0", "Did you mean 0.19.0?"),
        ("b10488", "newest that was read is 0.33.0"),
    ],
)
def test_what_was_not_read_is_refused_with_the_nearest(said: str, hint: str) -> None:
    with pytest.raises(UsageError) as refused:
        holding("vllm", said)
    assert "vLLM" in refused.value.message
    assert hint in refused.value.hint


def test_a_commit_is_known_where_it_was_read() -> None:
    assert holding("llama.cpp", "0c1e57098") == holding("llama.cpp", "0C1E5709") == releases("llama.cpp")[-1]
    with pytest.raises(UsageError, match=r"no release of llama\.cpp"):
        holding("llama.cpp", "0c1e57099")


def test_a_build_of_llama_cpp_has_the_rules_of_its_day() -> None:
    assert holding("llama.cpp", "b10488") == holding("llama.cpp", "0c1e57098")
    assert [holding("llama.cpp", said).since for said in ("b5000", "b7000", "b9495", "b9511")] == [
        "b4615",
        "b6833",
        "b7668",
        "b9496",
    ]
    with pytest.raises(UsageError, match=r"llama\.cpp b3000 is older"):
        holding("llama.cpp", "b3000")


def test_builds_have_an_order_and_commits_beside_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = compiled(tmp_path, BUILDS)
    monkeypatch.setattr(room, "table", lambda _: table)
    known = room.releases.__wrapped__("llama.cpp")
    monkeypatch.setattr(room, "releases", lambda _: known)
    holding = room.holding.__wrapped__
    found = {said: holding("llama.cpp", said).since for said in ("b9000", "b10000", "b10488", "b12000", "0c1e5709812")}
    assert list(found.values()) == ["b9000", "b9000", "b10488", "b10488", "b10488"]
    for said in ("b8999", "0.21", "abcdef0"):
        with pytest.raises(UsageError):
            holding("llama.cpp", said)


def test_a_prerelease_is_ordered_as_what_it_precedes() -> None:
    assert parsed("0.33.0-rc2") == parsed("v0.33") == parsed("0.33.0.dev3+g1a2b3c4")
    assert parsed("0.9") < parsed("0.10.0") < parsed("0.10.1")  # type: ignore[operator]
    assert parsed("0c1e57098") is parsed("7") is parsed("0.x") is None


def test_a_runtime_of_which_nothing_was_read() -> None:
    with pytest.raises(NotFoundError, match="No release of 'nosuch' was read"):
        releases("nosuch")


# What is written


def test_a_file_compiles(tmp_path: Path) -> None:
    (file,) = compiled(tmp_path, BUILDS).values()
    assert file["title"] == "llama.cpp"
    assert [span["since"] for span in file["releases"]] == ["b9000", "b10488"]
    assert file["releases"][1]["measured"] == ["b10500"]


TIERS = "    tiers: [{chunk: 1, few: 1, many: 1}]\n"
RULES = "    fractions: []\n    prefill_graphs: true\n"
SPAN = f"title: SGLang\nreleases:\n  0.5.0:\n    source: s\n    read: [0.5.0]\n{RULES}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SPAN, ["line 3", "tiers", "required"]),
        (SPAN + TIERS.replace("few: 1", "few: many"), ["line 8", "tiers.0.few", "integer"]),
        (SPAN + TIERS.replace("few: 1", "fwe: 1"), ["line 8", "tiers.0"]),
        (SPAN + TIERS + "    fraction: 1\n", ["line 9", "fraction", "no such field"]),
        (SPAN.replace("    source: s\n", "") + TIERS, ["line 3", "source", "required"]),
        (SPAN.replace("[0.5.0]", "[]") + TIERS, ["line 5", "read", "no release is given"]),
        (SPAN.replace("[0.5.0]", "[0.5]") + TIERS, ["line 5", "read", "string"]),
        (SPAN.replace("[0.5.0]", "[0.4.9]") + TIERS, ["line 3", "0.4.9 is out of order"]),
        (SPAN + TIERS + "  0.4.0: {source: s, read: [0.4.0]}\n", ["out of order"]),
        (SPAN + TIERS + "  0.6.0: {source: s, read: [0.6.0], tiers: 4}\n", ["line 9", "tiers"]),
        (SPAN + TIERS + "called: SGLang\n", ["line 9", "called"]),
        ("title: SGLang\nreleases: {}\n", ["line 2", "none is given"]),
        ("- a\n", ["must map"]),
    ],
)
def test_what_does_not_fit_is_named_by_file_line_and_field(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(InputFileError) as refused:
        compiled(tmp_path, text, "sglang")
    assert all(word in refused.value.message for word in ("sglang.yaml", *words)), refused.value.message


def test_a_file_of_no_runtime_and_rules_of_one_without_any_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="no runtime called 'sglnag'"):
        compiled(tmp_path, SPAN + TIERS, "sglnag")
    with pytest.raises(InputFileError, match="fractions: no such field"):
        compiled(tmp_path, SPAN + TIERS, "mlx")
    with pytest.raises(InputFileError, match="fractions: no such field"):
        compiled(tmp_path, SPAN + TIERS, "exllama")
