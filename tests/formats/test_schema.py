"""What `data/formats.yaml` and `data/quants.yaml` may say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.store.a_checkout import compile_table, refusal

QUANT = {
    "name": "Q",
    "kind": "rules",
    "rules": {"*": "int4"},
    "bits": 4,
    "runtime": "vllm",
    "activation_bytes": 2,
    "source": "s",
}


def test_planes_are_completed(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("q4: {name: Q, bits: 4.5, planes: [[18, 32]], multiple: 32, source: s}\n", encoding="utf-8")
    assert compile_table("formats", path)["entries"]["q4"]["planes"] == [(18, 32, 1)]


def test_a_whole_quant_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps({"q": QUANT}), encoding="utf-8")
    assert compile_table("quants", path)["entries"]["q"]["rules"] == {"*": "int4"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "magic"}, "q: kind is rules, or gguf"),
        ({"preset": "Q4_0"}, "q: kind is rules, or gguf"),
        ({"rules": {"linear": "int4"}}, "q: rules must say what '*' takes"),
        ({"rules": {"*": "int5"}}, "q: there is no number format 'int5'"),
        ({"narrow": "wide"}, "q: there is no number format 'wide'"),
    ],
)
def test_a_quant_must_be_whole(tmp_path: Path, change: dict[str, object], words: str) -> None:
    assert words in refusal(tmp_path, "quants", json.dumps({"q": {**QUANT, **change}}))
