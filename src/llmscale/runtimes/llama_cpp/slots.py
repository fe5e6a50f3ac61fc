"""llama-server's own words for contexts and sequences: ``-c`` is the whole cache, ``-np`` its slots.

Without ``-np``, or with ``-np auto``, it opens four slots over one cache (tools/server/server.cpp of llama.cpp
0c1e57098: `n_parallel` of 4 and `kv_unified`), so that each sequence may use all of ``-c``, and windows and recurrent
states are there four times. With ``-np N`` each slot has its own share of ``-c``, rounded up to `CELLS`
(src/llama-context.cpp, `n_ctx_seq`), unless ``-kvu`` is said.
"""

from __future__ import annotations

from llmscale.errors import UsageError
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.llama_cpp.info import AUTO

#: Slots that llama-server opens by itself.
SLOTS = 4
#: The most that it takes (include/llama.h and src/llama-cparams.h, `LLAMA_MAX_SEQ`).
MOST_SLOTS = 256
#: A slot's share of the cache comes in multiples of this.
CELLS = 256


def in_slots(work: Workload, *, named: bool) -> Workload:
    """`work` with context and sequences as ``--ctx-size`` and ``--parallel`` mean them.

    Args:
        named: whether the tokens of one sequence were said besides.

    Raises:
        UsageError: no number of slots, another one than that of the sequences, less than a token for each, or the
            tokens of one sequence as well as of all.
    """
    cache, said = work.option("ctx_size"), work.option("parallel")
    if cache is None and said is None:
        return work
    if cache is not None and named:
        raise UsageError(
            f"--context {work.context} and --ctx-size {cache} are both how long sequences may be.",
            "--context is one sequence, --ctx-size the whole cache of llama-server: name one of them.",
        )
    count = _slots(work, said)
    unified = work.option("unified_kv")
    if unified is None:
        unified = count is None
    slots = count or SLOTS
    context = work.context
    if cache is not None:
        if cache < slots:
            raise UsageError(f"--ctx-size {cache} is less than a token for each of {slots} slots.")
        context = cache if unified else -(-(cache // slots) // CELLS) * CELLS
    told = work.with_options(ctx_size=None, parallel=None, unified_kv=unified or None)
    return told._replace(context=context, batch=slots)


def _slots(work: Workload, said: str | None) -> int | None:
    """How many slots are asked for; None where llama-server chooses."""
    if said is None or said == AUTO:
        return work.batch if work.batch > 1 else None
    if not said.isdecimal() or len(said) > 3 or not 1 <= int(said) <= MOST_SLOTS:
        raise UsageError(
            f"--parallel '{said[:40]}' is not a number of slots.", f"A number up to {MOST_SLOTS}, or auto: {SLOTS}."
        )
    if work.batch > 1 and work.batch != int(said):
        raise UsageError(f"--parallel {said} and --batch {work.batch} are both how many sequences run at once.")
    return int(said)
