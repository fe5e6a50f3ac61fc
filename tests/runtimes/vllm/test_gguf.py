"""GGUF files under vLLM."""

from __future__ import annotations

import pytest

from llmscale.answers.estimate import estimate
from llmscale.answers.results.estimate import DeviceFit
from llmscale.fit.subject import model_of
from llmscale.formats.catalogue import quant
from llmscale.runtimes.parallel.ranks import Parallel
from llmscale.runtimes.subject import Exact
from llmscale.runtimes.vllm.gguf import planes_of_file
from llmscale.runtimes.vllm.loaded import weights_per_rank
from llmscale.sources.registry import load
from llmscale.units import GIB
from tests.helpers import run


def on(gpu: str, model: str, form: str, **options: int) -> DeviceFit:
    (line,) = estimate(model, [form], context=4096, runtime="vllm", gpus=[gpu], options=options).estimates
    return line.devices[0]


@pytest.mark.parametrize(
    ("model", "form"), [("llama-3.1-8b", "q4_k_m"), ("qwen3-30b-a3b", "q6_k"), ("gpt-oss-20b", "mxfp4_moe")]
)
def test_a_rank_alone_holds_the_file_and_padded_rows_of_the_vocabulary(model: str, form: str) -> None:
    subject = model_of(load(model).known()).subject(quant(form), "vllm")
    assert isinstance(subject, Exact)
    loaded = weights_per_rank(subject.spec, planes_of_file(subject))
    assert loaded == pytest.approx(subject.weights.value, rel=0.001)


def test_ranks_share_what_they_share_of_a_checkpoint() -> None:
    subject = model_of(load("llama-3.1-70b").known()).subject(quant("q4_k_m"), "vllm")
    assert isinstance(subject, Exact)
    half = weights_per_rank(subject.spec, planes_of_file(subject), Parallel(2))
    assert half == pytest.approx(subject.weights.value / 2, rel=0.001)


def test_a_logged_start() -> None:
    """github.com/dusty-nv/jetson-containers issue 795: Qwen2 7B in Q4_K_M took 4.3752 GiB under vLLM 0.6.3."""
    assert on("jetson-orin-nx-16gb", "qwen2-7b", "q4_k_m").weights_bytes / GIB == pytest.approx(4.3752, rel=0.01)


def test_a_mixture_of_experts_starts_too() -> None:
    assert on("rtx4090", "qwen3-30b-a3b", "q4_k_m", max_num_seqs=16).kv_cache_tokens


def test_others_still_read_none() -> None:
    answer = run("estimate", "qwen3-8b", "-q", "q4_k_m", "--runtime", "sglang", "--gpu", "rtx4090")
    assert "SGLang does not run Q4_K_M" in answer.err
