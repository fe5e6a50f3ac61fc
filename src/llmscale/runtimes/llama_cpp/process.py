"""What a llama.cpp process takes on a CUDA device besides its buffers, which it never prints.

Four parts:

* the driver's context: a base, and memory for every thread that the chip can hold at once, so that large chips take
  more. Both constants are fitted to what public logs show of 13 cards that nothing else was known to be on, from 14 to
  188 multiprocessors: benchmarks/process_fit.py, which also says how far off a card is that was left out;
* the kernels that are loaded when they are first used: what is left of whole processes, in the middle of the four cards
  that were seen, from 38 to 91 MiB;
* cuBLAS's workspace, 4 MiB, and 32 MiB from Hopper on (ggml/src/ggml-cuda/common.cuh, `cublas_handle`);
* the pool of temporaries. Its largest tenant is what a quantised matrix is multiplied with, a step's activations in
  blocks of 36 bytes for 32 values, for each expert that a token uses (ggml/src/ggml-cuda/mmq.cu). It grows by 2 MiB.

Source of the rules: llama.cpp commit 0c1e57098; of the figures: tests/truth/llamacpp_cuda_process.json. They are of
Linux. On Windows 0.8 to 1.7 GiB of nine cards were gone before anything was loaded, whatever the card: that is no part
of this and belongs into ``--reserve``.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from llmscale.records import NamedTuple
from llmscale.units import MIB

if TYPE_CHECKING:
    from llmscale.devices.sets import DeviceSet

#: The fit: bytes of a context, and for each thread that a chip can hold.
CONTEXT, THREAD = 36 * MIB, 1908
#: Whole processes less context, workspace and pool.
KERNELS = 53 * MIB
WORKSPACE, HOPPER_WORKSPACE = 4 * MIB, 32 * MIB
HOPPER = 9.0
#: The pool grows by this much at a time (recalled: the granularity of CUDA's virtual memory).
GRAIN = 2 * MIB
#: Bytes of a block of activations, and the values in it (`block_q8_1`).
BLOCK, VALUES = 36, 32


class Chip(NamedTuple):
    """What of a GPU decides the size of a context."""

    threads: int
    capability: float


#: Stands for a device that is not named, or of which no log was seen: the middle one of the catalogue's NVIDIA cards.
MIDDLE = Chip(48 * 1536, 8.6)


@cache
def chip(device: str) -> Chip:
    """The chip of a catalogue device."""
    from llmscale.store.tables import table

    entry = table("devices")["entries"].get(device, {})
    capability, sms, threads = (entry.get(name) for name in ("compute_capability", "sms", "threads_per_sm"))
    return Chip(sms * threads, capability) if sms and threads and capability else MIDDLE


def context(of: Chip) -> int:
    """Bytes that are taken before anything is loaded."""
    return CONTEXT + THREAD * of.threads


def fixed(of: Chip) -> int:
    """Bytes of a process that has computed something, without its pool."""
    return context(of) + KERNELS + (HOPPER_WORKSPACE if of.capability >= HOPPER else WORKSPACE)


def explain_process(devices: DeviceSet) -> list[str]:
    """A line for each kind of device, for ``--explain``."""
    told = []
    for kind in devices.kinds:
        its = chip(kind.id)
        as_what = "no chip is known by that name, so as of a middling NVIDIA card" if its is MIDDLE else "of its chip"
        told.append(
            f"  {kind.id}: {fixed(its):,} bytes of llama.cpp's process besides its pool, {as_what}: {its.threads:,} "
            "threads (modelled)"
        )
    return told


def pool(activations: int, tokens: int) -> int:
    """Bytes of the pool after a step of so many tokens."""
    return -(-activations * tokens * BLOCK // VALUES // GRAIN) * GRAIN


def further(devices: DeviceSet) -> list[int]:
    """Bytes that the process takes on each of `devices` beyond what it takes on the middle one; may be negative."""
    return [fixed(chip(kind.id)) - fixed(MIDDLE) for kind in devices.kinds for _ in range(kind.count)]
