"""Whether a step fits a card, in answers of ``train``."""

from __future__ import annotations

from llmscale.records import dataclass


@dataclass
class TrainPart:
    """Bytes of the card, by what they are for: weights, optimizer, activations (with gradients), overhead."""

    part: str
    bytes: int
    range: tuple[int, int]


@dataclass
class TrainWay:
    """Another way to train on the card. `fits`: yes, no, or maybe where the range lies on both sides.

    Attributes:
        flags: what to type besides.
        saves_bytes: less than what was asked for; negative for more.
        host_bytes: that lie in the host's memory so.
    """

    flags: str
    used_bytes: int
    used_range: tuple[int, int]
    saves_bytes: int
    fits: str
    host_bytes: int = 0


@dataclass
class TrainFit:
    """A step on one card.

    Attributes:
        used_bytes: the tensors of the largest moment, and what is modelled on top of them.
        fits: yes, no, maybe where the range lies on both sides, unknown where activations are not modelled and are
            not counted.
        free_bytes: usable less used; negative when missing.
        max_micro_batch: sequences that surely fit; 0 when not even one does.
        max_sequence: tokens of a sequence that surely fit; of the micro-batch that was asked for.
        changes: what makes it smaller, each with those before it, where it does not surely fit.
        methods: the usual methods, where none was named.
    """

    device: str
    memory_bytes: int
    usable_bytes: int
    used_bytes: int
    used_range: tuple[int, int]
    free_bytes: int
    fits: str
    parts: tuple[TrainPart, ...]
    max_micro_batch: int
    max_sequence: int
    changes: tuple[TrainWay, ...]
    methods: tuple[TrainWay, ...]
