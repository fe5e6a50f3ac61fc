"""MLX as a runtime; see `llmscale.runtimes.mlx.memory`."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.devices.sets import DeviceSet
from llmscale.runtimes.general import GeneralRuntime, Memory, state_lines
from llmscale.runtimes.interface import ModelName, Workload
from llmscale.runtimes.mlx.info import INFO
from llmscale.runtimes.mlx.memory import QUANTISED, cache_format, cached, chunk_of, compute, memory, parts
from llmscale.runtimes.mlx.rules import PROMPTS, QUANTISED_FROM, STEP
from llmscale.runtimes.placed import UNKNOWN, Off, Placement
from llmscale.runtimes.subject import Exact, Summary
from llmscale.units import GIB

#: How far off a model may be of which only the shape is known, the most that was seen and some
#: (tests/fit/test_screens.py); of small ones buffers decide.
SCREENED, SMALL = Off(0.35, 0.7), GIB // 4


class Mlx(GeneralRuntime):
    """See the module."""

    def memory(self, subject: Exact | Summary, work: Workload) -> Memory:
        return memory(subject, work)

    def screen_error(self, summary: Summary, work: Workload, devices: DeviceSet) -> Off:
        known = summary.widths.even and summary.weights.value >= SMALL and not work.options
        return SCREENED if known else UNKNOWN

    def granularity(self, work: Workload) -> int:
        return STEP

    def launch(self, subject: Exact | Summary, work: Workload, placed: Placement, called: ModelName) -> str | None:
        from llmscale.runtimes.mlx.launch import mlx_server

        return mlx_server(subject, work, called)

    def explain(self, subject: Exact, work: Workload, placed: Placement, devices: DeviceSet) -> Iterator[str]:
        form = cache_format(subject, work)
        for part, tokens in parts(subject, work):
            size = form.size((tokens, part.keys)) + form.size((tokens, part.values))
            window = f" (window of {part.window:,})" if part.window else ""
            yield (
                f"  KV cache = {part.layers} layers x {work.batch} sequences x {tokens:,} tokens{window} x "
                f"({part.keys:,} + {part.values:,}) elements in {form.name} = "
                f"{part.layers * work.batch * size:,} bytes ({subject.basis.value}: mlx-lm {self.release})"
            )
        if form.id in QUANTISED:
            yield (
                f"  KV cache is quantised from {QUANTISED_FROM:,} tokens on and no less than 16 bits for so many: "
                f"{cached(subject, work):,} bytes (mlx-lm {self.release})"
            )
        yield from state_lines(subject.widths, work)
        prompts = min(work.batch, PROMPTS)
        yield (
            f"  compute = {compute(subject, work):,} bytes under way at once while {prompts} x "
            f"{min(chunk_of(work), subject.widths.sequence or work.context):,} tokens of the prompt are read "
            f"(simulated: mlx {self.release} on a Max or an Ultra)"
        )
        yield "  overhead = 0 bytes of the GPU's share of the memory (modelled)"


def runtime(release: str) -> Mlx:
    """MLX of a release that was read."""
    return Mlx(INFO, release)
