"""Runtimes by name, and a release of one behind an ``@``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from subprocess import run

import pytest

from llmscale import estimate, fits, needs
from llmscale.answers.results.fits import FitsResult
from llmscale.errors import NotFoundError, UsageError
from llmscale.runtimes.interface import Runtime
from llmscale.runtimes.registry import FIRST, NAMES, NEXT, info, infos, named, runtime
from llmscale.runtimes.releases import newest
from tests.helpers import environment

LLAMA = "llama-3.1-8b"


def every_runtime() -> Iterator[tuple[str, Runtime]]:
    return ((name, runtime(name)) for name in NAMES)


def test_each_goes_by_its_name() -> None:
    assert [found.info.name for _, found in every_runtime()] == list(NAMES)
    assert [one.name for one in infos()] == list(NAMES)
    assert runtime(" LlamaCpp ").info.name == named("llama_cpp") == "llama.cpp"
    assert {FIRST, *NEXT} < set(NAMES)


def test_another_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(NotFoundError, match="no runtime called 'tabby'") as caught:
        runtime("tabby@1.0")
    assert all(name in caught.value.hint for name in NAMES)


def test_what_is_known_of_one_is_known_without_what_computes() -> None:
    asked = "import sys; from llmscale.runtimes.registry import infos; [*infos()]; print(*sys.modules)"
    done = run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, env=environment())
    loaded = set(done.stdout.split())
    assert "llmscale.runtimes.vllm.info" in loaded
    assert not {f"llmscale.runtimes.{room}" for room in ("vllm.runtime", "llama_cpp.runtime", "general")} & loaded


def test_an_engine_is_a_runtime_and_no_option_is_said_twice() -> None:
    for one in infos():
        assert not one.engine or info(one.engine).name == one.engine
        names = [option.name for option in one.options]
        assert len(names) == len(set(names)), one.name


def test_without_a_release_the_newest_answers() -> None:
    for name, found in every_runtime():
        assert found.release == newest(name), name


def test_another_release_is_another_answer() -> None:
    """vLLM 0.20 takes 92 % of a device where 0.19 takes 90 %, and CUDA graphs out of that."""
    old, new = (estimate(LLAMA, ["bf16"], runtime=f"vllm@{release}", gpus=["rtx4090"]) for release in ("0.19", "0.21"))
    assert (old.release, new.release) == ("0.19", "0.21")
    (before,), (after,) = (answer.estimates[0].devices for answer in (old, new))
    assert after.usable_bytes / before.usable_bytes == pytest.approx(0.92 / 0.9)
    assert after.used_bytes > before.used_bytes


def test_all_answers_name_the_release_that_was_asked_for() -> None:
    offered = needs(LLAMA, ["fp8"], runtime="vllm@0.21").devices
    found = fits("rtx4090", [LLAMA], runtime="vLLM@0.21")
    assert isinstance(found, FitsResult)
    assert {one.release for one in (*offered, *found.models)} == {"0.21"}


@pytest.mark.parametrize(
    ("asked", "says"),
    [("vllm@0.5", "older than anything"), ("mlx@latest", "no release"), ("llama.cpp@0c1e57099", "no release")],
)
def test_a_release_that_was_not_read_is_refused(asked: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        estimate(LLAMA, runtime=asked)


def test_of_a_long_name_that_nobody_knows_forty_letters_are_said() -> None:
    with pytest.raises(NotFoundError, match=rf"called '{'x' * 40}'"):
        named("x" * 50)
