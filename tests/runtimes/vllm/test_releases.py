"""The rules of vLLM's releases, and the limits of a step that they set."""

from __future__ import annotations

import pytest

from llmscale.errors import UsageError
from llmscale.runtimes.releases import newest, parsed, releases
from llmscale.runtimes.vllm.releases import MEASURED, Batch, default_batch, release
from llmscale.units import GIB


def test_the_rules_of_a_release_are_those_of_the_last_change_before_it() -> None:
    spans = releases("vllm")
    assert [parsed(entry.since) for entry in spans] == sorted(parsed(entry.since) for entry in spans)
    assert release("0.19.2rc1") == release("v0.17") == release(MEASURED)
    assert (release("0.16.0").sampler, release("0.19.0").sampler) == ("sort", "pivot")
    assert (release("0.19.1").utilization, release(newest("vllm")).utilization) == (0.9, 0.92)
    assert not release("0.19.1").graphs_counted
    assert release("0.21").graphs_counted


@pytest.mark.parametrize("said", ["", "latest", "0.5.5", "0"])
def test_a_release_that_is_not_described_is_refused(said: str) -> None:
    with pytest.raises(UsageError):
        release(said)


@pytest.mark.parametrize(
    ("gib", "version", "options", "batch"),
    [
        (79, "0.19", {}, Batch(8192, 1024)),
        (79, "0.19", {"offline": True}, Batch(16384, 1024)),
        (79, "0.19", {"a100": True}, Batch(2048, 256)),
        (79, "0.8.5", {"a100": True}, Batch(8192, 1024)),
        (24, "0.19", {}, Batch(2048, 256)),
        (24, "0.19", {"offline": True}, Batch(8192, 256)),
        (180, "0.19", {}, Batch(8192, 1024)),
        (70, "0.19", {}, Batch(8192, 1024)),
        (160, "0.33", {}, Batch(16384, 1024)),
        (180, "0.33", {}, Batch(16384, 1024)),
        (120, "0.33", {"gb10": True}, Batch(2048, 256)),
        (79, "0.7.3", {"offline": True}, Batch(32768, 256)),
    ],
)
def test_the_limits_of_a_step_by_device_and_use(gib: int, version: str, options: dict[str, bool], batch: Batch) -> None:
    assert default_batch(gib * GIB, release(version), 32768, **options) == batch


def test_before_v1_a_prompt_is_read_whole_up_to_32k() -> None:
    steps = [default_batch(24 * GIB, release("0.6.6"), context).tokens for context in (512, 2049, 32768, 32769)]
    assert steps == [2048, 2049, 32768, 2048]
    assert default_batch(24 * GIB, release("0.6.5"), 65536).tokens == 512


def test_a_step_holds_no_more_than_all_sequences_at_their_longest() -> None:
    assert default_batch(79 * GIB, release(), 4) == Batch(4096, 1024)


def test_0_20_0_counts_tokens_as_before() -> None:
    assert release("0.20.0").graphs_counted
    assert not release("0.20.0").tokens_by_requests
    assert release("0.20.1").tokens_by_requests
