"""ExLlama as a runtime; see `llmscale.runtimes.exllama.memory`."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.devices.sets import DeviceSet
from llmscale.runtimes.exllama.info import INFO
from llmscale.runtimes.exllama.memory import PAGE, UNPACKED, compute, memory, parts, rows
from llmscale.runtimes.general import FRAMEWORK, GeneralRuntime, Memory, overhead_line, state_lines
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.placed import PRECISE, UNKNOWN, Off, Placement
from llmscale.runtimes.subject import Exact, Summary


class Exllama(GeneralRuntime):
    """See the module."""

    def memory(self, subject: Exact | Summary, work: Workload) -> Memory:
        return memory(subject, work)

    def screen_error(self, summary: Summary, work: Workload, devices: DeviceSet) -> Off:
        return PRECISE if summary.widths.even and summary.exact and not work.options else UNKNOWN

    def granularity(self, work: Workload) -> int:
        # Pages are of all sequences together.
        return PAGE if work.batch == 1 else 1

    def explain(self, subject: Exact, work: Workload, placed: Placement, devices: DeviceSet) -> Iterator[str]:
        for part, keys, values, tokens, size in parts(subject, work):
            window = f" (window of {part.window:,})" if part.window else ""
            forms = keys.name if keys == values else f"{keys.name} and {values.name}"
            yield (
                f"  KV cache = {part.layers} layers x {tokens:,} tokens{window} x ({part.keys:,} + {part.values:,}) "
                f"elements in {forms} = {size:,} bytes ({subject.basis.value}: exllamav3 {self.release})"
            )
        yield from state_lines(subject.widths, work)
        shape = subject.widths
        outputs = min(shape.intermediate, UNPACKED)
        yield (
            f"  compute = {rows(subject, work):,} tokens x (6 x {shape.hidden:,} hidden + 4 x {shape.intermediate:,} "
            f"intermediate) bytes + a matrix of {shape.hidden:,} x {outputs:,} in FP16 + logits = "
            f"{compute(subject, work):,} bytes (modelled: exllamav3 {self.release}, one chunk of the prompt)"
        )
        yield overhead_line(FRAMEWORK)


def runtime(release: str) -> Exllama:
    """ExLlama of a release that was read."""
    return Exllama(INFO, release)
