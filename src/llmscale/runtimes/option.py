"""One flag of a runtime, as its `info` declares it and the command line shows it; imports nothing."""

from __future__ import annotations

from llmscale.records import NamedTuple


class Option(NamedTuple):
    """One flag of a runtime, in its own words.

    Attributes:
        name: what `Workload.options` calls it.
        flags: as one types it; ``--flash-attn/--no-flash-attn`` where both can be said.
        kind: ``whole``, ``tokens``, ``share``, ``flag``, ``text``, ``size`` (of memory), ``ram``, ``bandwidth``,
            ``model`` or ``quant``.
        help: one line.
        metavar: what stands for its value there.
        least, most: bounds of a number.
        choices: the only texts that it takes.
        offloads: whether it may leave weights in host memory.
        cased: whether a text is taken as it is written.
        own_layer: whether it counts the layer of the model that predicts further tokens, which is left out without.
    """

    name: str
    flags: tuple[str, ...]
    kind: str
    help: str
    metavar: str = ""
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    offloads: bool = False
    cased: bool = False
    own_layer: bool = False
