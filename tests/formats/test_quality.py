"""What quants lose: published figures, and the order that they give."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmscale.compile.registry import make
from llmscale.errors import InputFileError
from llmscale.formats.catalogue import quant, quants
from llmscale.formats.ladder import RUINED, by_quality, ladder, originals
from llmscale.formats.quality import Measurement, compile_quality, loss, losses
from llmscale.store.yaml_file import YamlFile


def row(**fields: object) -> Measurement:
    given = {"model": "m", "quant": "q4_k_m", "metric": "perplexity", "value": 5.5, "baseline": 5.0, "source": "s"}
    return Measurement(**{**given, **fields})  # type: ignore[arg-type]


def test_a_loss_is_the_rise_of_perplexity_in_per_cent() -> None:
    compiled = compile_quality([row(dataset="wikitext-2")])
    assert compiled["m"]["q4_k_m"] == [10.0, "m, wikitext-2; s"]
    assert compile_quality([row(metric="perplexity_ratio", value=1.25)])["m"]["q4_k_m"][0] == 25.0


@pytest.mark.parametrize(
    "other", [{"metric": "recovery_percent"}, {"variant": "chat"}, {"dataset": "wikitext (word perplexity)"}]
)
def test_what_is_of_another_scale_is_no_loss(other: dict[str, object]) -> None:
    assert compile_quality([row(**other)]) == {"": {}}


def test_a_figure_with_an_importance_matrix_counts_before_one_without() -> None:
    compiled = compile_quality([row(value=6.0, imatrix=False), row(value=5.5, imatrix=True)])
    assert compiled["m"]["q4_k_m"][0] == 10.0


def test_a_models_own_figure_goes_before_the_references() -> None:
    own, other, none = loss("q4_k_m", "llama-3.1-8b"), loss("q4_k_m", "no-such-model"), loss("int4", "llama-2-7b")
    assert own is not None
    assert other is not None
    assert own.told.startswith("llama-3.1-8b,")
    assert other == losses()["q4_k_m"]
    assert other.told.startswith("llama-3-8b,")
    assert none is None


def test_the_reference_ranks_the_presets_as_its_table_does() -> None:
    order = ["q8_0", "q6_k", "q5_k_m", "q4_k_m", "q4_k_s", "iq4_xs", "q3_k_m", "iq3_xxs", "q2_k", "iq1_s"]
    percents = [losses()[name].percent for name in order]
    assert percents == sorted(percents)
    assert [q.id for q in by_quality(map(quant, reversed(order)))] == order


def test_a_ladder_goes_down_from_16_bits_without_what_nobody_should_take() -> None:
    steps = ladder("llama.cpp")
    assert steps[0].id == "f16"
    assert {"q8_0", "q4_k_m", "iq2_xs"} <= {q.id for q in steps}
    assert not {"f32", "tq1_0", "q1_0", "mxfp4_moe", "iq1_s"} & {q.id for q in steps}
    assert all(losses()[q.id].percent <= RUINED for q in steps if q.id in losses())
    assert all(q.readers for q in ladder("transformers"))


def test_what_is_published_quantised_is_kept_as_it_is() -> None:
    assert "mxfp4_moe" in {q.id for q in originals("llama.cpp")}
    assert all(q.keeps for q in originals("llama.cpp"))


def test_every_loss_is_of_a_quant_that_there_is_or_of_one_that_is_named_otherwise() -> None:
    known = {q.id for q in quants()}
    assert set(losses()) <= known


def test_a_bad_row_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "quality.yaml"
    path.write_text("- {model: m, quant: q, metric: perplexity, value: much, source: s}\n", encoding="utf-8")
    with pytest.raises(InputFileError, match=r"0\.value: .*number"):
        make("quality", YamlFile.read(str(path)))
