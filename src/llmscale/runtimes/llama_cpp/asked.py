"""What a user asks, in llama.cpp's own words: tokens of the cache, its types, the settings of a server."""

from __future__ import annotations

from llmscale.errors import UsageError
from llmscale.formats.layout import Format
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.llama_cpp.releases import RELEASE, release
from llmscale.runtimes.llama_cpp.settings import LlamaCppSettings

#: What llama.cpp calls the formats that a cache can be kept in (common/arg.cpp, `kv_cache_types`).
CACHE_TYPES = {
    "fp32": "f32",
    "fp16": "f16",
    "bf16": "bf16",
    "q8_0": "q8_0",
    "q5_1": "q5_1",
    "q5_0": "q5_0",
    "q4_1": "q4_1",
    "q4_0": "q4_0",
    "iq4_nl": "iq4_nl",
}
#: Tokens that a draft model proposes at a time (common/common.h, `n_max`); the logits of all are wanted.
DRAFTED = 3


def tokens_of(work: Workload) -> int:
    """Tokens of the whole cache (``-c``): of all sequences, or with ``-kvu`` of one context that they share."""
    return work.context if work.option("unified_kv") else work.context * work.batch


def drafted(work: Workload) -> int:
    """Tokens that are proposed at a time; 0 where nothing proposes any.

    Raises:
        UsageError: a number of them, and nothing that proposes them.
    """
    most = work.option("spec_draft_n_max")
    if not work.option("spec_type") and not work.option("draft"):
        if most:
            raise UsageError(
                "--spec-draft-n-max is of speculation, and none is named.",
                "Add --spec-type draft-mtp or --draft MODEL.",
            )
        return 0
    return int(most or DRAFTED)


def settings_of(work: Workload) -> LlamaCppSettings:
    """What llama-server is started with: a slot for each sequence, logits of one token a slot.

    Raises:
        UsageError: a cache type that llama.cpp does not have.
    """
    rules = release(work.option(RELEASE))
    flash, proposed = work.option("flash_attn"), drafted(work)
    ubatch = work.option("ubatch") or LlamaCppSettings().n_ubatch
    return LlamaCppSettings(
        n_ctx=tokens_of(work),
        n_batch=max(ubatch, LlamaCppSettings().n_batch),
        n_ubatch=ubatch,
        n_seq=work.batch,
        unified=bool(work.option("unified_kv")),
        swa_full=bool(work.option("swa_full")),
        flash_attention=rules.flash_attention if flash is None else flash,
        type_k=cache_type(work.kv),
        type_v=cache_type(work.value_format),
        n_outputs_max=0 if rules.all_outputs else work.batch * (1 + proposed),
        kv_offload=work.option("kv_offload") is not False,
        cells=rules.cells,
        mask_cast=rules.mask_cast,
        reserves_f16=rules.reserves_f16,
        kept_states=proposed if work.option("spec_type") else 0,
    )


def cache_type(form: Format) -> str:
    """llama.cpp's name of a cache format."""
    if form.id not in CACHE_TYPES:
        raise UsageError(f"llama.cpp keeps no cache in {form.name}.", f"One of: {', '.join(CACHE_TYPES)}.")
    return CACHE_TYPES[form.id]
