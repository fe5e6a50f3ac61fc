"""Which layers slide a window over their keys and values."""

from __future__ import annotations

from llmscale.model.families._bounds import MAX_POSITIONS
from llmscale.model.families._config import Config

SLIDING = {"sliding_attention"}
FULL = {"full_attention", "attention"}


def windows(c: Config, layers: int, full_every: int | None = None, default: int | None = None) -> list[int | None]:
    """The window of each layer, None where it attends to everything.

    ``layer_types`` decides where it is there. Else every layer slides when ``sliding_window`` is set,
    or, with `full_every` = n, all but each n-th (Gemma 2 and 3). `default` is the window of a file that
    leaves ``sliding_window`` out; one that says null has none.

    Raises:
        InputFileError: a layer type that is neither sliding nor full, or sliding without a window.
    """
    default = None if "sliding_window" in c.data else default
    window: int | None = c.number("sliding_window", default=default, low=1, high=MAX_POSITIONS)
    types = c.words("layer_types", layers)
    if types is not None:
        unknown = set(types) - SLIDING - FULL
        if unknown:
            raise c.unsupported(f"has layers of type '{sorted(unknown)[0]}'")
        if window is None and SLIDING & set(types):
            raise c.error("has sliding layers but no sliding_window")
        return [window if kind in SLIDING else None for kind in types]
    if full_every:
        return [window if (layer + 1) % full_every else None for layer in range(layers)]
    return [window] * layers


def late_windows(c: Config, layers: int) -> list[int | None]:
    """Qwen's windows: off unless ``use_sliding_window``, then from layer ``max_window_layers`` on."""
    on = c.flag("use_sliding_window")
    first = c.number("max_window_layers", default=28, low=0, high=MAX_POSITIONS)
    if not on:
        c.ignore("sliding_window", "layer_types")
        return [None] * layers
    if c.get("layer_types") is not None:
        return windows(c, layers)
    window = c.number("sliding_window", default=4096, high=MAX_POSITIONS)
    return [window if layer >= first else None for layer in range(layers)]


def shared_kv(c: Config, layers: int, default: int) -> list[bool]:
    """Which layers make keys and values of their own: all but the last ``num_kv_shared_layers`` (Gemma 3n and 4).

    Raises:
        InputFileError: no layer would be left to make them.
    """
    shared = c.number("num_kv_shared_layers", default=default, low=0, high=MAX_POSITIONS)
    if shared >= layers:
        raise c.error(f"has {shared} num_kv_shared_layers of {layers} layers")
    return [layer < layers - shared for layer in range(layers)]


def unused_kv(owners: list[bool]) -> tuple[str, ...]:
    """A word on `shared_kv`: the published checkpoint holds the matrices that these layers do not use."""
    count = owners.count(False)
    if not count:
        return ()
    return (
        f"The published checkpoint also holds key and value matrices of the {count} layers that use another layer's "
        "keys and values; they are never used and not counted.",
    )
