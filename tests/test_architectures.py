"""Models that a runtime has no code for are refused by name, and are not among what fits."""

from __future__ import annotations

import pytest
from llmscale.runtimes.architectures import LACKING, RUN, lacks

from llmscale import estimate, fits
from llmscale.answers.results.fits import FitsResult
from llmscale.catalogue.summaries import outline
from llmscale.errors import UnsupportedModelError
from llmscale.model.families import model_types
from llmscale.names import SPELT
from llmscale.runtimes import NAMES


def test_every_model_type_that_is_named_is_one_of_ours() -> None:
    for runtime, families in (*RUN.items(), *LACKING.items()):
        assert runtime in NAMES
        assert runtime in SPELT
        assert families <= set(model_types()), families - set(model_types())


@pytest.mark.parametrize(
    ("model", "runtime"),
    [
        ("bloom-176b", "mlx"),
        ("falcon-40b", "exllama"),
        ("t5-small", "vllm"),
        ("t5-small", "sglang"),
        ("llama-3.2-11b-vision", "vllm"),
    ],
)
def test_a_model_without_code_is_refused_by_name(model: str, runtime: str) -> None:
    with pytest.raises(UnsupportedModelError, match="has no code for"):
        estimate(model, runtime=runtime)


@pytest.mark.parametrize("runtime", ["mlx", "exllama"])
def test_what_fits_is_what_the_runtime_has_code_for(runtime: str) -> None:
    answer = fits("m4-max" if runtime == "mlx" else "rtx4090", runtime=runtime)
    assert isinstance(answer, FitsResult)
    families = [found.family for line in answer.models if (found := outline(line.id)) and found.family]
    assert len(families) > 100
    assert not any(lacks(runtime, family) for family in families)


@pytest.mark.parametrize("runtime", ["transformers", "llama.cpp", "ollama"])
def test_of_others_nothing_is_said_here(runtime: str) -> None:
    assert not lacks(runtime, "t5")
