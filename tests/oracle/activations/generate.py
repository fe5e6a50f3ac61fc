"""Runs a class of transformers in BF16 without values, and says what was alive besides its weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, NamedTuple

import torch
import transformers
from transformers.generation import utils as generation
from transformers.initialization import no_init_weights

from tests.oracle.activations.cases import Case
from tests.oracle.activations.storages import Storages, as_on_cuda
from tests.oracle.omitted import with_factors


class Found(NamedTuple):
    """Bytes besides the weights: the most in each step, and those between them."""

    prompt: int
    answer: int
    between: int


def generated(config: dict[str, Any], case: Case) -> Found:
    """Generate two tokens with the class that such a config is generated with."""
    settings = _settings(config, case.attn)
    named = getattr(transformers, (config.get("architectures") or [""])[0], None)
    model = _build(named if hasattr(named, "generate") else _generating(type(settings)), settings)
    if model.config.is_encoder_decoder:
        model.generation_config.update(decoder_start_token_id=0, forced_bos_token_id=None, forced_eos_token_id=None)
    model.generation_config.update(eos_token_id=None, bos_token_id=None, pad_token_id=0, use_cache=True)
    storages = Storages(iter([*model.parameters(), *model.buffers()]))
    static = {"cache_implementation": "static", "disable_compile": True} if case.static else {}
    # Whisper's own generate would listen in windows.
    generate = transformers.GenerationMixin.generate
    with as_on_cuda(), _two_steps(storages) as steps, storages:
        given = _prompt(model, case)
        generate(model, **given, max_new_tokens=max(2, case.static), do_sample=False, **static)
    (prompt, between), (answer, _) = steps
    return Found(prompt, answer, between)


def called(config: dict[str, Any], case: Case) -> int:
    """Call an encoder once: what was alive at most, what it was given and what it answers included.

    Its class is the one that the config names; pictures are as large as the config says, in BF16.
    """
    settings = _settings(config, case.attn)
    named = getattr(transformers, (config.get("architectures") or [""])[0], None)
    model = _build(named or transformers.MODEL_MAPPING[type(settings)], settings)
    storages = Storages(iter([*model.parameters(), *model.buffers()]))
    with as_on_cuda(), storages:
        given = _seen(settings, model.main_input_name, case)
        answer = model(**given)
        assert answer is not None
    return storages.peak


def generates(model_type: str) -> bool:
    """Whether transformers has a class of this type that generates text from text."""
    return transformers.CONFIG_MAPPING[model_type] in transformers.MODEL_FOR_CAUSAL_LM_MAPPING


def translates(model_type: str) -> bool:
    """Whether it has one with an encoder for the prompt."""
    settings = transformers.CONFIG_MAPPING[model_type]
    return settings in transformers.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING or model_type == "whisper"


def has_class(model_type: str) -> bool:
    """Whether transformers knows the type at all."""
    return model_type in transformers.CONFIG_MAPPING


def _settings(config: dict[str, Any], attn: str) -> Any:
    # A copy, since it moves keys of the nested settings about.
    settings = transformers.CONFIG_MAPPING[config["model_type"]].from_dict(deepcopy(with_factors(config)))
    settings._attn_implementation = attn
    return settings


def _build(kind: Any, settings: Any) -> Any:
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


@contextmanager
def _two_steps(storages: Storages) -> Iterator[list[tuple[int, int]]]:
    """What was alive at most in each of the first two steps and after it; then generation ends."""
    steps: list[tuple[int, int]] = []

    def ended(self: object, unfinished: object, tokens: object, length: int) -> bool:
        steps.append((storages.peak, storages.live))
        storages.peak = storages.live
        return len(steps) == 2

    before = generation.StopCheck.__call__
    generation.StopCheck.__call__ = ended
    try:
        yield steps
    finally:
        generation.StopCheck.__call__ = before


def _prompt(model: Any, case: Case) -> dict[str, torch.Tensor]:
    """Tokens without padding, or for Whisper thirty seconds of sound."""
    if model.config.model_type == "whisper":
        frames = (case.batch, model.config.num_mel_bins, 2 * model.config.max_source_positions)
        return {"input_features": torch.zeros(frames, dtype=torch.bfloat16, device="meta")}
    given = {"inputs": torch.zeros, "attention_mask": torch.ones}
    return {name: make(case.batch, case.tokens, dtype=torch.int64, device="meta") for name, make in given.items()}


def _seen(settings: Any, named: str, case: Case) -> dict[str, torch.Tensor]:
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
