"""The ``params.json`` that Meta and Mistral publish beside their own checkpoints, in the keys of a config.json.

Sources: github.com/meta-llama/llama-models: models/llama3/args.py and model.py (`FeedForward`: two thirds of four times
the width, times ``ffn_dim_multiplier``, rounded up to ``multiple_of``), mistralai/mistral-inference: args.py.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from llmscale.errors import InputFileError, UnsupportedModelError
from llmscale.model.spec import ModelSpec
from llmscale.names import visible
from llmscale.sources.interface import NOTHING, Claim, Loaded, LoadOptions
from llmscale.sources.paths import has_separator

name, needs, assumes = "a params.json", "", False
FILE = "params.json"
MOST_BYTES = 1 << 20
#: Rows of Llama 1's and 2's vocabulary, which their files leave to the tokenizer (``-1``).
ROWS = 32_000
#: Key to that of a config.json, numbers both.
SAME = {
    "dim": "hidden_size",
    "n_layers": "num_hidden_layers",
    "n_heads": "num_attention_heads",
    "n_kv_heads": "num_key_value_heads",
    "head_dim": "head_dim",
    "hidden_dim": "intermediate_size",
    "max_seq_len": "max_position_embeddings",
    "max_position_embeddings": "max_position_embeddings",
    "model_max_length": "max_position_embeddings",
}
#: Keys that change no tensor.
OTHER = {
    *("norm_eps", "rope_theta", "use_scaled_rope", "max_batch_size", "causal", "use_biases", "rope_scaling", "yarn"),
    *("vocab_size", "multiple_of", "ffn_dim_multiplier", "moe", "sliding_window", "tied_embeddings", "llama_4_scaling"),
}


def claims(reference: str) -> Claim:
    """Whether it is the path of such a file, or of a folder that has one and neither config.json nor tensors."""
    path = os.path.expanduser(reference)
    if os.path.basename(path) == FILE:
        return Claim.YES
    if os.path.isfile(os.path.join(path, FILE)) and not os.path.exists(os.path.join(path, "config.json")):
        return Claim.YES if has_separator(reference) else Claim.MAYBE
    return Claim.NO


def load(reference: str, said: LoadOptions = NOTHING) -> Loaded:
    """The model of the file.

    Raises:
        InputFileError: it cannot be read, or lacks what decides the count.
        UnsupportedModelError: a key that may change the count and that nobody here reads.
    """
    path = os.path.expanduser(reference)
    path = os.path.join(path, FILE) if os.path.isdir(path) else path
    called = os.path.basename(os.path.dirname(os.path.abspath(path)))
    return Loaded(replace(read_params(path), id=visible(reference, 200), name=visible(called, 80), source=path))


def read_params(path: str) -> ModelSpec:
    """The model of the file at `path`, or in the folder there.

    Raises:
        InputFileError, UnsupportedModelError: as `load`.
    """
    from llmscale.model.families import from_keys
    from llmscale.sources.json_text import parsed
    from llmscale.store.text_file import read_text

    path = os.path.join(path, FILE) if os.path.isdir(path) else path
    data = parsed(read_text(path, MOST_BYTES, "a params.json"), path, "a params.json")
    # Mistral's files and Llama's own have the same keys; llama-models nests them in some releases.
    data = data["model"] if isinstance(data.get("model"), dict) else data
    unknown = [key for key in data if key not in SAME and key not in OTHER and data[key]]
    if unknown or data.get("use_biases"):
        raise UnsupportedModelError(
            f"{path} has the key '{visible((unknown or ['use_biases'])[0])}', which llmscale cannot count yet.",
            "Name the model's config.json instead.",
        )
    return from_keys(config_of(data, path), path)


def config_of(data: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The same as a config.json."""
    config: dict[str, Any] = {"model_type": "llama", **{SAME[key]: data[key] for key in SAME if data.get(key)}}
    rows = data.get("vocab_size")
    config["vocab_size"] = ROWS if rows in (None, -1) else rows
    config["tie_word_embeddings"] = data.get("tied_embeddings") is True
    if "intermediate_size" not in config:
        config["intermediate_size"] = _width(data, where)
    if isinstance(window := data.get("sliding_window"), int):
        config |= {"model_type": "mistral", "sliding_window": window}
    if isinstance(moe := data.get("moe"), dict):
        config |= {"model_type": "mixtral", "num_local_experts": moe.get("num_experts")}
        config |= {"num_experts_per_tok": moe.get("num_experts_per_tok")}
    return config


def _width(data: Mapping[str, Any], where: str) -> int:
    """Width of the feed-forward, as Llama's own code has it."""
    hidden, multiple, factor = data.get("dim"), data.get("multiple_of"), data.get("ffn_dim_multiplier") or 1.0
    if type(hidden) is not int or type(multiple) is not int or not isinstance(factor, (int, float)):
        raise InputFileError(
            f"'{where}' lacks 'hidden_dim', or 'dim' and 'multiple_of'.", "All dimensions must be there."
        )
    if not (0 < hidden < 1 << 24 and 0 < multiple < 1 << 24 and 0 < factor < 100):
        raise InputFileError(f"'{where}' has a width that no model has.", "Check it against the published file.")
    width = int(factor * int(2 * 4 * hidden / 3))
    return -(-width // multiple) * multiple
