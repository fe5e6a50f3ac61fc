"""`make measure` as far as it goes without a GPU: what would be run, how rows are kept, and the refusal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from benchmarks.measure import case as one_case
from benchmarks.measure import plan, record
from benchmarks.measure.__main__ import NONE, OUT, measure
from benchmarks.measure.plan import Case
from benchmarks.measure.reader import Cuda

from llmscale.catalogue import entries as catalogue
from llmscale.units import GIB
from tests.helpers import REPOSITORY, TINY, TINY_TOTAL, environment

READING = dict.fromkeys(("allocated", "peak_allocated", "reserved", "peak_reserved", "process", "device"), 1)


def row(case: Case, **more: Any) -> dict[str, Any]:
    told = {**case._asdict(), "device": "a card", "driver": "1", "torch": "2", "transformers": "5", **more}
    return {**told, "readings": dict.fromkeys(("context", "load", "prefill", "decode"), READING)}


def test_small_cards_get_the_small_models_and_large_ones_all() -> None:
    small, large = plan.cases(8 * GIB), plan.cases(80 * GIB)
    assert set(small) < set(large)
    assert len(small) >= 50
    assert {case.model for case in large} == set(plan.MODELS)
    assert all(catalogue.lookup(model).config for model in plan.MODELS)
    assert {(case.attn, case.cache) for case in small} == set(plan.WAYS)
    assert any(case.batch > 1 for case in small)
    sizes = [plan.expected(case) for case in small]
    assert sizes == sorted(sizes)
    assert sizes[-1] < 8 * GIB


def test_nobody_is_asked_for_more_than_it_takes() -> None:
    for case in plan.cases(80 * GIB):
        entry = catalogue.lookup(case.model)
        assert entry.context is None or case.prompt + case.answer <= entry.context
    assert {case.attn for case in plan.cases(80 * GIB) if case.model == "mamba-130m"} == {"eager"}
    scores = [plan.expected(Case("llama-3.2-1b", 16384, attn=attn)) for attn in ("eager", "sdpa")]
    assert scores[0] - scores[1] == 32 * 16384**2 * plan.SCORE_BYTES


def test_a_row_joins_the_others_and_replaces_only_its_like(tmp_path: Path) -> None:
    out = tmp_path / "rows.json"
    first, second = row(Case("gpt2", 1)), row(Case("gpt2", 512))
    for each in (first, second):
        record.add(out, each)
    assert record.read(out) == [first, second]
    again = row(Case("gpt2", 1), date="later")
    record.add(out, again)
    assert record.read(out) == [second, again]
    record.add(out, row(Case("gpt2", 1), driver="2"))
    assert len(record.read(out)) == 3
    assert "make measure" in json.loads(out.read_text(encoding="utf-8"))["what"]


def test_what_is_there_survives_every_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "rows.json"
    record.add(out, row(Case("gpt2", 1)))
    before = out.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            record.add(out, row(Case("gpt2", 512)))
    assert out.read_bytes() == before
    out.write_text("[1]", encoding="utf-8")
    with pytest.raises(ValueError, match="no rows"):
        record.add(out, row(Case("gpt2", 512)))
    assert out.read_text(encoding="utf-8") == "[1]"


def test_a_case_that_fails_costs_no_other_and_none_is_lost_when_it_is_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rows.json"
    todo = [Case("gpt2", prompt) for prompt in (1, 2, 3, 4, 5)]

    def run(case: Case) -> dict[str, Any]:
        if case.prompt == 2:
            raise RuntimeError("CUDA out of memory")
        if case.prompt == 4:
            raise KeyboardInterrupt
        return row(case)

    with pytest.raises(KeyboardInterrupt):
        measure(todo, out, run)
    assert [known["prompt"] for known in record.read(out)] == [1, 3]
    said = capsys.readouterr()
    assert "gpt2 2 32 1 sdpa dynamic bf16: failed: CUDA out of memory" in said.err
    assert measure(todo[4:], out, run) == 1
    assert [known["prompt"] for known in record.read(out)] == [1, 3, 5]


def started(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.measure", *arguments]
    env = environment(CUDA_VISIBLE_DEVICES="")
    return subprocess.run(command, cwd=REPOSITORY, env=env, capture_output=True, text=True, check=False)


def test_without_a_gpu_it_says_so_and_does_nothing_else(tmp_path: Path) -> None:
    before = OUT.read_bytes() if OUT.exists() else None
    done = started("--out", str(tmp_path / "rows.json"))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{NONE}\n", "")
    assert list(tmp_path.iterdir()) == []
    refused = started("--device", "cpu")
    assert refused.returncode == 2
    assert "--out" in refused.stderr
    assert (OUT.read_bytes() if OUT.exists() else None) == before


def test_cuda_is_read_by_allocator_and_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = SimpleNamespace(
        get_device_properties=lambda _: SimpleNamespace(
            uuid="ab-c", name="Card", major=8, minor=9, total_memory=24 * GIB
        ),
        synchronize=lambda: None,
        mem_get_info=lambda _: (20 * GIB, 24 * GIB),
        memory_allocated=lambda _: 1,
        max_memory_allocated=lambda _: 2,
        memory_reserved=lambda _: 3,
        max_memory_reserved=lambda _: 4,
    )
    others = [SimpleNamespace(pid=os.getpid() + 1, usedGpuMemory=6), SimpleNamespace(pid=os.getpid(), usedGpuMemory=5)]
    driver = SimpleNamespace(
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByUUID=lambda uuid: uuid,
        nvmlDeviceGetComputeRunningProcesses=lambda handle: others if handle == "GPU-ab-c" else [],
        nvmlSystemGetDriverVersion=lambda: "580",
        nvmlDeviceGetMemoryInfo=lambda _: SimpleNamespace(total=25 * GIB),
    )
    torch = SimpleNamespace(cuda=cuda, version=SimpleNamespace(cuda="13.0"))
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    reader = Cuda(torch)
    assert tuple(reader.read()) == (1, 2, 3, 4, 5, 4 * GIB)
    assert reader.about() == {
        "device": "Card",
        "capability": "8.9",
        "memory_bytes": 24 * GIB,
        "cuda": "13.0",
        "driver": "580",
        "driver_memory_bytes": 25 * GIB,
    }
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert Cuda(torch).read().process is None
    assert "driver" not in Cuda(torch).about()


@pytest.mark.parametrize(("attn", "cache"), plan.WAYS)
def test_a_model_is_built_and_run(attn: str, cache: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    monkeypatch.setattr(catalogue, "lookup", lambda _: SimpleNamespace(config=TINY))
    told = one_case.run(Case("tiny", 16, answer=3, batch=2, attn=attn, cache=cache), "cpu")
    assert told["parameters"] == TINY_TOTAL
    assert list(told["readings"]) == ["context", "load", "prefill", "decode"]
    assert all(reading["process"] > 0 for reading in told["readings"].values())
    assert json.loads(json.dumps(told)) == told
