"""What the real classes of transformers have alive (tests/truth/transformers_activations.json), and published rows."""

from __future__ import annotations

import json

from benchmarks.accuracy import transformers
from benchmarks.accuracy.rows import Comparison, summary, within

from llmscale.families import from_config
from llmscale.runtimes.transformers.styles import LIKE_LLAMA, STYLES, compared, name_of
from tests.oracle.subjects import ACTIVATIONS, subjects

FOUND: dict[str, Comparison] = {one.what: one for one in transformers.comparisons()}


def test_the_classes_are_followed_to_a_thousandth() -> None:
    rows = FOUND[transformers.ACTIVE].usual()
    assert len(rows) > 1500
    assert summary(rows).median < 1e-4
    assert within(rows, 0.01) > 0.98
    assert within(rows, 0.05) > 0.99
    assert len({row.model for row in rows}) > 100


def test_models_that_nobody_looked_at_are_followed_as_well() -> None:
    rows = FOUND[transformers.ACTIVE].unseen()
    assert len(rows) > 300
    assert not any(row.seen for row in rows)
    assert within(rows, 0.01) > 0.97


def test_a_whole_model_is_no_further_off_than_one_that_was_cut() -> None:
    rows = [row for row in FOUND[transformers.ACTIVE].rows if " whole " in row.name]
    assert len({row.model for row in rows}) >= 4
    assert max(abs(row.error) for row in rows) < 0.005


def test_the_published_benchmarks_keep_to_the_aim() -> None:
    for what, median in ((transformers.PEAK, 0.003), (transformers.DECODE, 0.004)):
        s = summary(FOUND[what].usual())
        assert s.rows >= 45
        assert s.median < median
        assert s.worst < 0.02


def test_what_the_general_rule_answers_for_is_held_apart() -> None:
    ruled = {row.model for row in FOUND[transformers.RULED].rows}
    assert ruled
    assert not ruled & {row.model for row in FOUND[transformers.ACTIVE].rows}


def test_every_type_that_is_called_compared_has_rows() -> None:
    record = json.loads(ACTIVATIONS.read_text(encoding="utf-8"))
    configs = {subject.id: subject for subject in subjects()}
    specs = [from_config(configs[name.removesuffix(" whole")].config, name) for name in record["models"]]
    of = {name_of(spec.text_family or spec.family) for spec in specs}
    assert {name for name in LIKE_LLAMA | set(STYLES) if compared(name)} - of <= {"qwen2_vl", "qwen2_5_vl"}
    assert not compared("internlm2")
    assert not compared("kimi_k2")
