"""``params``: where the parameters of a model sit."""

from __future__ import annotations

from pathlib import Path

from llmscale import params
from tests.helpers import TINY_TOTAL, said, tiny, write_config


def test_params_of_a_mixture() -> None:
    answer = params("deepseek-v3")
    count = answer.parameters
    assert count is not None
    assert count.total == sum(count.components.values()) == 671_026_419_200
    assert count.total == sum(line.parameters for line in answer.tensors if line.tied_to is None)
    assert count.embedding + count.non_embedding == count.total
    assert count.active - count.active_without_input_embedding == 129_280 * 7168
    assert answer.tier == "hundred-billion"
    assert answer.stated_parameters == 671_000_000_000
    assert any("multi-token-prediction" in sentence for sentence in said(answer))


def test_params_of_a_tied_model_and_of_a_size() -> None:
    count = params("gpt2").parameters
    assert count is not None
    assert count.untied_total - count.total == 50257 * 768
    assert count.active_without_input_embedding == count.total - 1024 * 768
    size = params("7B")
    assert size.parameters is not None
    assert (size.parameters.total, size.model.basis, size.stated_parameters) == (7 * 10**9, "assumed", None)
    assert params("seed1.5-thinking").disclosure


def test_params_of_a_file(tmp_path: Path) -> None:
    answer = params(str(write_config(tmp_path, tiny())))
    assert answer.parameters is not None
    assert answer.parameters.total == TINY_TOTAL
    assert answer.tier == "million"
