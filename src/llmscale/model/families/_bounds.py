"""The largest value of each kind of dimension: far above any published model, to catch damaged files."""

from __future__ import annotations

MAX_WIDTH = 1 << 24
MAX_LAYERS = 10_000
MAX_HEADS = 1 << 16
MAX_EXPERTS = 1 << 16
MAX_VOCAB = 1 << 27
MAX_POSITIONS = 1 << 40
