"""``python -m tests.oracle.activations [model_type ...]``: what classes of transformers have alive in ``generate``.

A model is built on torch's meta device, where tensors have shapes but no memory, and generates two tokens. A mode of
torch's dispatcher sees every storage come, and a finaliser sees it go; each counts for a multiple of 512 bytes, as the
CUDA allocator gives them. Recorded are the most bytes besides the weights during the prompt, during the step after it,
and what is left between them, in BF16 and with the layers cut to `LAYERS`: depth changes nothing but the cache. A run
over everything writes `ACTIVATIONS`; what it says of models that were looked at stays.

What the meta device does not do as CUDA would is done here instead:

- ``scaled_dot_product_attention`` would take its mathematical form, which makes all scores. In its place stands what
  PyTorch chooses on CUDA: flash attention without a mask and with equal heads up to 256 wide, else the
  memory-efficient kernel, to which a mask goes as numbers in rows of a multiple of 16.
- A question about values that has a yes or no (is everything unmasked, is the answer at its end) is answered with yes,
  as for a batch without padding.

Scratch memory inside kernels is not seen. Recurrent layers run as transformers runs them without the optional kernels.
"""

from __future__ import annotations

import json
import sys
import weakref
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
import transformers
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import masking_utils
from transformers.generation import utils as generation
from transformers.initialization import no_init_weights

from llmscale.errors import InputFileError
from llmscale.model.families import from_config
from tests.oracle.subjects import ACTIVATIONS, LAYERS, Subject, shortened, subjects

GRAIN = 512
#: Columns that the memory-efficient kernel's mask has a multiple of, and the widest head of the flash kernel.
MASK_COLUMNS, FLASH_HEAD = 16, 256


class Case(NamedTuple):
    """How a model is run; `static` is how many tokens a static cache has room for beyond the prompt, 0 for none."""

    attn: str
    batch: int
    tokens: int
    static: int = 0


CASES = (
    Case("sdpa", 1, 2048),
    Case("sdpa", 3, 1333),
    Case("sdpa", 1, 9000),
    Case("sdpa", 1, 100),
    Case("sdpa", 2, 1500, 300),
    Case("eager", 1, 1024),
    Case("eager", 2, 600),
)
#: Of encoder-decoders, and of encoders; those that see pictures see as many as the batch.
TRANSLATED = (
    Case("sdpa", 1, 1000),
    Case("sdpa", 6, 500),
    Case("sdpa", 24, 128),
    Case("eager", 1, 1000),
    Case("eager", 3, 400),
)
ENCODED = (
    Case("sdpa", 1, 512),
    Case("sdpa", 8, 384),
    Case("sdpa", 32, 128),
    Case("eager", 1, 512),
    Case("eager", 4, 250),
    Case("eager", 16, 128),
)
#: Run with all their layers too.
WHOLE = ("llama-3.1-8b", "gemma-3-4b", "qwen3-30b-a3b", "gpt-oss-20b", "deepseek-v2-lite")
#: Run besides the first, middle and last of their type.
ALSO = ("gemma-4-26b-a4b", "gemma-4-31b")
#: Run whole alone, the text part where it has a class: fewer layers would not attend to each other as they do.
SHARING = ("gemma-3n-e4b", "gemma-4-e2b", "gemma-4-e4b", "llama-3.2-11b-vision")
#: Types whose recurrent layers go token by token: a long prompt takes minutes.
SLOW = ("falcon_mamba", "jamba", "mamba", "rwkv")


class Found(NamedTuple):
    """Bytes besides the weights: the most in each step, and those between them."""

    prompt: int
    answer: int
    between: int


class Storages(TorchDispatchMode):
    """Counts storages as they come and go."""

    def __init__(self, weights: Iterator[torch.Tensor]) -> None:
        super().__init__()
        self._weights = {tensor.untyped_storage()._cdata for tensor in weights}
        self._alive: dict[int, int] = {}
        self.live = 0
        self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default and args[0].dtype == torch.bool:
            return True
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, torch.Tensor) and leaf.device.type == "meta":
                self._born(leaf.untyped_storage())
        return out

    def _born(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._alive or key in self._weights:
            return
        self._alive[key] = -(-storage.nbytes() // GRAIN) * GRAIN
        self.live += self._alive[key]
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._dead, key)

    def _dead(self, key: int) -> None:
        self.live -= self._alive.pop(key, 0)


def attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """``scaled_dot_product_attention`` as CUDA would dispatch it."""
    aten, head = torch.ops.aten, query.shape[-1]
    if attn_mask is None and head == value.shape[-1] <= FLASH_HEAD:
        if head % 8:
            query, key, value = (functional.pad(tensor, (0, 8 - head % 8)) for tensor in (query, key, value))
        made = aten._scaled_dot_product_flash_attention(query, key, value, 0.0, is_causal, False, scale=scale)[0]
        return made[..., :head]
    if attn_mask is not None:
        columns = attn_mask.shape[-1]
        if attn_mask.dtype == torch.bool:
            least = torch.scalar_tensor(float("-inf"), dtype=query.dtype, device=query.device)
            attn_mask = torch.where(attn_mask, 0.0, least)
        if columns % MASK_COLUMNS:
            attn_mask = functional.pad(attn_mask, (0, MASK_COLUMNS - columns % MASK_COLUMNS))[..., :columns]
        attn_mask = attn_mask.expand(*query.shape[:3], key.shape[2])
    found = aten._scaled_dot_product_efficient_attention(
        query, key, value, attn_mask, False, 0.0, is_causal, scale=scale
    )
    return found[0]


def build(config: dict[str, Any], attn: str) -> torch.nn.Module:
    """The class that generates with such a config, in BF16 and without values."""
    settings = transformers.CONFIG_MAPPING[config["model_type"]].from_dict(dict(config))
    settings._attn_implementation = attn
    named = getattr(transformers, (config.get("architectures") or [""])[0], None)
    kind = named if hasattr(named, "generate") else _generating(type(settings))
    torch.set_default_dtype(torch.bfloat16)
    try:
        with no_init_weights(), torch.device("meta"):
            model = kind(settings)
    finally:
        torch.set_default_dtype(torch.float32)
    model.tie_weights()
    return model.eval()


def _generating(settings: Any) -> Any:
    """The class that generates with such settings."""
    for kinds in (transformers.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING, transformers.MODEL_FOR_CAUSAL_LM_MAPPING):
        if settings in kinds:
            return kinds[settings]
    return transformers.MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING[settings]


def run(config: dict[str, Any], case: Case) -> Found:
    """Generate two tokens and say what was alive."""
    model: Any = build(config, case.attn)
    if model.config.is_encoder_decoder:
        model.generation_config.update(decoder_start_token_id=0, forced_bos_token_id=None, forced_eos_token_id=None)
    model.generation_config.update(eos_token_id=None, bos_token_id=None, pad_token_id=0, use_cache=True)
    storages = Storages(iter([*model.parameters(), *model.buffers()]))
    steps: list[tuple[int, int]] = []

    def ended(self: object, unfinished: object, tokens: object, length: int) -> bool:
        steps.append((storages.peak, storages.live))
        storages.peak = storages.live
        return len(steps) == 2

    named = {"cache_implementation": "static", "disable_compile": True} if case.static else {}
    before = functional.scaled_dot_product_attention, masking_utils.fast_all, generation.StopCheck.__call__
    functional.scaled_dot_product_attention = attention
    masking_utils.fast_all = lambda tensor: True
    generation.StopCheck.__call__ = ended
    try:
        with torch.no_grad(), storages:
            given = {"inputs": torch.zeros(case.batch, case.tokens, dtype=torch.int64, device="meta")}
            given["attention_mask"] = torch.ones(case.batch, case.tokens, dtype=torch.int64, device="meta")
            if config["model_type"] == "whisper":
                given = {"input_features": _spectrum(model.config, case.batch)}
            # Whisper's own would listen in windows.
            transformers.GenerationMixin.generate(
                model, **given, max_new_tokens=max(2, case.static), do_sample=False, **named
            )
    finally:
        functional.scaled_dot_product_attention, masking_utils.fast_all, generation.StopCheck.__call__ = before
    (prompt, between), (answer, _) = steps
    return Found(prompt, answer, between)


def _spectrum(settings: Any, batch: int) -> torch.Tensor:
    """Thirty seconds of sound as Whisper sees them."""
    shape = (batch, settings.num_mel_bins, 2 * settings.max_source_positions)
    return torch.zeros(shape, dtype=torch.bfloat16, device="meta")


def once(config: dict[str, Any], case: Case) -> int:
    """Call an encoder once and say what was alive at most, what it was given and what it answers included.

    Its class is the one that the config names; pictures are as large as the config says, in BF16.
    """
    settings = transformers.CONFIG_MAPPING[config["model_type"]].from_dict(dict(config))
    settings._attn_implementation = case.attn
    kind = (
        getattr(transformers, (config.get("architectures") or [""])[0], None)
        or transformers.MODEL_MAPPING[type(settings)]
    )
    torch.set_default_dtype(torch.bfloat16)
    try:
        with no_init_weights(), torch.device("meta"):
            model: Any = kind(settings)
    finally:
        torch.set_default_dtype(torch.float32)
    model.tie_weights()
    model.eval()
    storages = Storages(iter([*model.parameters(), *model.buffers()]))
    before = functional.scaled_dot_product_attention, masking_utils.fast_all
    functional.scaled_dot_product_attention = attention
    masking_utils.fast_all = lambda tensor: True
    try:
        with torch.no_grad(), storages:
            inputs = _inputs(settings, model.main_input_name, case)
            answer = model(**inputs)
            assert answer is not None
    finally:
        functional.scaled_dot_product_attention, masking_utils.fast_all = before
    return storages.peak


def _inputs(settings: Any, named: str, case: Case) -> dict[str, torch.Tensor]:
    """Pictures for a vision model, tokens for a text model, both for one with two towers."""
    inputs: dict[str, torch.Tensor] = {}
    seen = getattr(settings, "vision_config", settings)
    if named == "pixel_values" or hasattr(settings, "vision_config"):
        size = seen.image_size
        height, width = size if isinstance(size, (list, tuple)) else (size, size)
        shape = (case.batch, getattr(seen, "num_channels", 3), height, width)
        inputs["pixel_values"] = torch.zeros(shape, dtype=torch.bfloat16, device="meta")
    if named == "input_ids":
        most = getattr(getattr(settings, "text_config", settings), "max_position_embeddings", case.tokens)
        tokens = min(case.tokens, most) if hasattr(settings, "vision_config") else case.tokens
        for name, make in (("input_ids", torch.zeros), ("attention_mask", torch.ones)):
            inputs[name] = make(case.batch, tokens, dtype=torch.int64, device="meta")
    return inputs


def chosen(model_types: list[str]) -> Iterator[tuple[Subject, tuple[Case, ...]]]:
    """The first, the middle and the last config of each type that transformers has, and how each is run."""
    by_type: dict[str, list[Subject]] = {}
    for subject in subjects():
        if subject.model_type in transformers.CONFIG_MAPPING and (
            not model_types or subject.model_type in model_types or subject.id in model_types
        ):
            by_type.setdefault(subject.model_type, []).append(subject)
    for found in by_type.values():
        more = [each for each in found if each.id in ALSO]
        some = {each.id: each for each in (found[0], found[len(found) // 2], found[-1], *more)}
        whole = [each for each in found if each.id in SHARING]
        for subject in [*filter(_shortens, some.values()), *whole]:
            if cases := _cases(subject):
                yield subject, cases


def _cases(subject: Subject) -> tuple[Case, ...]:
    """How it is run; not at all where it neither generates text nor encodes."""
    settings = transformers.CONFIG_MAPPING[subject.model_type]
    spec = from_config(subject.config, subject.id)
    if not any(placed.block.cache() or hasattr(placed.block, "state") for placed in spec.placed):
        return ENCODED
    if settings in transformers.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING or subject.model_type == "whisper":
        return TRANSLATED
    generates = settings in transformers.MODEL_FOR_CAUSAL_LM_MAPPING
    return CASES if generates or subject.config.keys() & {"text_config", "vision_config"} else ()


def _shortens(subject: Subject) -> bool:
    """Whether llmscale reads the config when its layers are cut."""
    try:
        from_config(shortened(subject.config, LAYERS), subject.id)
    except InputFileError:
        return False
    return True


def main(model_types: list[str]) -> int:
    """Run what is named, everything by default, and write it down; what was not run again stays as it is."""
    transformers.logging.set_verbosity_error()
    rows: dict[str, dict[str, list[list[Any]]]] = {"models": {}, "encoders": {}}
    failed: dict[str, str] = {}
    for subject, cases in chosen(model_types):
        depths: tuple[int | None, ...] = (LAYERS, None) if subject.id in WHOLE else (LAYERS,)
        if subject.id in SHARING:
            depths = (None,)
        for layers in depths:
            name = subject.id if layers else f"{subject.id} whole"
            config = shortened(subject.config, layers) if layers else subject.config
            if subject.id in SHARING and f"{subject.model_type}_text" in transformers.CONFIG_MAPPING:
                config = {"model_type": f"{subject.model_type}_text"} | config["text_config"]
            for case in cases:
                if subject.model_type in SLOW and case.tokens > 2048:
                    continue
                try:
                    found = [once(config, case)] if cases is ENCODED else [*run(config, case)]
                except Exception as error:  # whatever a class raises for a published file
                    failed[f"{name} {case.attn}{' static' if case.static else ''}"] = (
                        f"{type(error).__name__}: {error}"[:120]
                    )
                    continue
                part = rows["encoders" if cases is ENCODED else "models"]
                part.setdefault(name, []).append([*case, *found])
            print(f"{name:46} {subject.model_type:22}", flush=True)
    for name, why in failed.items():
        print(f"not run: {name}: {why}")
    _write(rows, fresh=not model_types)
    return 0 if any(rows.values()) else 1


def _write(rows: dict[str, dict[str, list[list[Any]]]], *, fresh: bool) -> None:
    before = json.loads(ACTIVATIONS.read_text(encoding="utf-8")) if ACTIVATIONS.exists() else {}
    head = {
        "what": "Bytes alive besides the weights in generate, or in one call; see tests/oracle/activations.py",
        "transformers": transformers.__version__,
        "torch": torch.__version__,
        "layers": LAYERS,
        "columns": [*Case._fields, *Found._fields],
        "encoders_columns": [*Case._fields, "peak"],
        "looked_at": before.get("looked_at", []),
    }
    text = ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items())
    parts = []
    for part, found in rows.items():
        merged = found if fresh else before.get(part, {}) | found
        lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(cases)}" for name, cases in merged.items())
        parts.append(f' "{part}": {{\n{lines}\n }}')
    body = ",\n".join([text, *parts])
    ACTIVATIONS.write_text("{\n" + body + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
