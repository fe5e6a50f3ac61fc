"""Models made of models: one config that holds a text part and towers, each read by its own family.

`text_part` and `tower` fill in what the part's architecture assumes where a published file leaves it out:
LLaVA 1.5's, for one, gives of its LLaMA only the vocabulary. Defaults of transformers 5.23.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from llmscale.model.families import _classes, read_part
from llmscale.model.families._config import Config
from llmscale.model.spec import ModelSpec, PlacedBlock


def _shape(vocab: int, hidden: int, intermediate: int, layers: int, heads: int, kv_heads: int) -> dict[str, Any]:
    return {
        "vocab_size": vocab,
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
    }


#: model_type of a text part -> what it assumes.
TEXT_DEFAULTS: dict[str, dict[str, Any]] = {
    "llama": _shape(32_000, 4096, 11_008, 32, 32, 32),
    "mistral": {**_shape(32_000, 4096, 14_336, 32, 32, 8), "sliding_window": 4096},
    "qwen2": _shape(151_936, 4096, 22_016, 32, 32, 32),
    "qwen3": _shape(151_936, 4096, 22_016, 32, 32, 32),
    "gemma": _shape(256_000, 3072, 24_576, 28, 16, 16),
}


def tied(c: Config, default: bool = False, either: bool = False) -> bool:
    """Whether the head is tied: the whole decides, then its text part.

    Args:
        default: where neither says.
        either: whether a "true" in the text part overrules a "false" of the whole, as in files saved before
            transformers 5.
    """
    text = c.get("text_config")
    inner = text.get("tie_word_embeddings") if isinstance(text, dict) else None
    if either and inner is True:
        c.flag("tie_word_embeddings")
        return True
    if not isinstance(inner, (bool, type(None))):
        raise c.error(f"has text_config.tie_word_embeddings = {inner!r}, which is neither true nor false")
    if _classes.known(c.kind) and _classes.default(c.kind, "tie_word_embeddings") is None:
        inner = None  # a class that assumes nothing of the whole asks nobody else
    return c.flag("tie_word_embeddings", default=default if inner is None else inner)


def text_part(
    c: Config,
    prefix: str,
    *,
    tied: bool,
    key: str = "text_config",
    model_type: str = "llama",
    head_prefix: str | None = None,
    ignore: Iterable[str] = (),
    defaults: Mapping[str, Any] | None = None,
) -> ModelSpec:
    """The text part, under the head that the whole model's class names.

    Args:
        model_type: where the part does not say.
        ignore: keys of the part that leave its tensors alone.
        defaults: what the whole assumes of its text where the part leaves it out.
    """
    given = c.get(key)
    kind = given.get("model_type", model_type) if isinstance(given, dict) else model_type
    part = c.part(
        key,
        prefix,
        head_prefix,
        {"model_type": kind, **TEXT_DEFAULTS.get(str(kind), {}), **(defaults or {})},
        {
            "tie_word_embeddings": tied,
            "architectures": [c.architecture("ForConditionalGeneration")],
            # What stands on top is the whole's.
            "id2label": c.get("id2label"),
            "num_labels": c.get("num_labels"),
            "token_classification_bias": c.flag("token_classification_bias", default=True),
        },
    )
    part.ignore("is_composition", "_flash_attn_2_enabled", *ignore)
    return read_part(part)


def tower(
    c: Config, key: str, prefix: str, model_type: str, kind: str = "vision", *, forced: bool = False
) -> ModelSpec:
    """A tower without a head of its own, all of it counted as `kind`.

    Args:
        model_type: where the part does not say, or, if `forced`, whatever it says: many repeat the whole's.
    """
    known = {"architectures": ["Model"], **({"model_type": model_type} if forced else {})}
    part = c.part(key, prefix, None, {"model_type": model_type}, known)
    part.ignore("is_composition", "tie_word_embeddings", "vocab_size")
    spec = read_part(part)
    return replace(spec, placed=tuple(placed._replace(tower=kind) for placed in spec.placed))


def whole(c: Config, text: ModelSpec, before: Iterable[PlacedBlock], after: Iterable[PlacedBlock] = ()) -> ModelSpec:
    """The text part's spec with what stands before and after it."""
    return replace(text, family=c.model_type, text_family=text.family, placed=(*before, *text.placed, *after))
