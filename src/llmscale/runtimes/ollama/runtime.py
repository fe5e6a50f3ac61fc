"""Ollama as a runtime: llama-server as Ollama starts it, so llama.cpp's figures with Ollama's settings.

The cache, the state and the buffers are those of `llmscale.runtimes.llama_cpp`, of another commit than Ollama builds
(`LLAMA_CPP`). Without a named device the batch is the one that Ollama takes where there is room for it; what it does
with a named device is `llmscale.answers.ollama`'s.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.devices.sets import DeviceSet
from llmscale.errors import UsageError
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.interface import Subject, Workload
from llmscale.runtimes.llama_cpp.runtime import UBATCH, LlamaCpp
from llmscale.runtimes.ollama import ALONE, LLAMA_CPP, MARGIN, VERSION, batch_size


def settled(work: Workload, spec: ModelSpec | None, predicted: int = 0, free: int = 0) -> Workload:
    """`work` as Ollama gives it to llama-server.

    Args:
        predicted, free: as in `batch_size`.

    Raises:
        UsageError: what Ollama does not do.
    """
    if work.kv_v is not None:
        raise UsageError("Ollama keeps K and V in the same format.", "Name one, for example --kv-dtype q8_0.")
    if spec is not None and work.batch > 1 and spec.family in ALONE:
        raise UsageError(f"Ollama runs {spec.name} with one request at a time.", "Leave --num-parallel away.")
    context = min(work.context, (spec.max_context if spec else None) or work.context)
    chosen = work.options.ubatch or batch_size(context * work.batch, predicted, free)
    return work._replace(context=context, options=work.options._replace(ubatch=chosen))


class Ollama:
    """See the module."""

    name = "ollama"
    grain = LlamaCpp.grain

    def __init__(self) -> None:
        self._engine = LlamaCpp()

    def room(self, devices: DeviceSet, work: Workload) -> int:
        return devices.usable - MARGIN

    def cache(self, subject: Subject, work: Workload) -> int:
        return self._engine.cache(subject, settled(work, subject.spec))

    def state(self, subject: Subject, work: Workload) -> int:
        return self._engine.state(subject, settled(work, subject.spec))

    def compute(self, subject: Subject, work: Workload) -> int:
        given = settled(work, subject.spec)
        found = self._engine.compute(subject, given)
        # What was compiled for the catalogue is of llama.cpp's own batch; it grows by no more than the batch does.
        return found if subject.spec else found * max(1, (given.options.ubatch or UBATCH) // UBATCH)

    def overhead(self, subject: Subject, work: Workload) -> int:
        return self._engine.overhead(subject, work)

    def beyond(self, devices: DeviceSet) -> int:
        return self._engine.beyond(devices)

    def explain(self, subject: Subject, work: Workload) -> Iterator[str]:
        given = settled(work, subject.spec)
        yield from self._engine.explain(subject, given)
        yield (
            f"  Ollama {VERSION} starts llama-server ({LLAMA_CPP}) with -c {given.context * given.batch} -np "
            f"{given.batch} -ub {given.options.ubatch} and lets it keep {MARGIN:,} bytes of each device free"
        )
