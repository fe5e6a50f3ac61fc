"""Which models are run, and how: with which attention, batch, prompt and cache. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from llmscale.errors import LlmscaleError
from llmscale.model.families import from_config
from llmscale.model.spec import ModelSpec
from tests.oracle.campaigns import ACTIVATIONS, LAYERS
from tests.oracle.record import WHOLE, subject_id
from tests.oracle.subjects import Subject, shortened


class Case(NamedTuple):
    """How a model is run; `static` is how many tokens a static cache has room for beyond the prompt, 0 for none."""

    attn: str
    batch: int
    tokens: int
    static: int = 0

    @property
    def name(self) -> str:
        return f"{self.attn} {self.batch} x {self.tokens}{' static' if self.static else ''}"


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
DEEP = ("llama-3.1-8b", "gemma-3-4b", "qwen3-30b-a3b", "gpt-oss-20b", "deepseek-v2-lite")
#: Run besides the first, middle and last of their type.
ALSO = ("gemma-4-26b-a4b", "gemma-4-31b")
#: Run with all their layers alone, the text part where it has a class: fewer would not attend to each other as they do.
SHARING = ("gemma-3n-e4b", "gemma-4-e2b", "gemma-4-e4b", "llama-3.2-11b-vision")
#: Types whose recurrent layers go token by token: a long prompt takes minutes.
SLOW, LONG = ("falcon_mamba", "jamba", "mamba", "rwkv"), 2048


def chosen(names: Sequence[str]) -> list[Subject]:
    """What is run of these model types, of all by default, and every subject that is named by its id.

    Of a type that has been run these are the same models again, so that a figure that moves is the library's. Of a new
    one they are the first, the middle and the last that there are.
    """
    by_type: dict[str, list[Subject]] = {}
    for subject in ACTIVATIONS.chosen(names):
        by_type.setdefault(subject.model_type, []).append(subject)
    recorded = {subject_id(name) for name in ACTIVATIONS.record.rows()}
    return [each for found in by_type.values() for each in found if each.id in _some(found, recorded) | set(names)]


def _some(found: Sequence[Subject], recorded: set[str]) -> set[str]:
    """The ids that are run of all subjects of a type."""
    ids = [each.id for each in found]
    return recorded & set(ids) or {ids[0], ids[len(ids) // 2], ids[-1], *set(ids) & {*ALSO, *SHARING}}


def depths(subject: Subject) -> tuple[int | None, ...]:
    """With how many layers it is run; None is all."""
    if subject.id in SHARING:
        return (None,)
    return (LAYERS, None) if subject.id in DEEP else (LAYERS,)


def row_name(subject: Subject, layers: int | None) -> str:
    """The name of its row."""
    return subject.id if layers else subject.id + WHOLE


def encodes(subject: Subject) -> bool:
    """Whether it is called once, as nothing in it is kept for a next token."""
    return not any(placed.block.cache() or hasattr(placed.block, "state") for placed in _spec(subject).placed)


def _spec(subject: Subject) -> ModelSpec:
    return from_config(subject.config, subject.id)


def says_weights_alone(subject: Subject) -> bool:
    """Whether llmscale counts it and answers nothing else."""
    return bool(_spec(subject).weights_only)


def is_read_when_cut(subject: Subject) -> bool:
    """Whether llmscale reads the config with fewer layers, as it must to say anything of them."""
    try:
        from_config(shortened(subject.config, LAYERS), subject.id)
    except LlmscaleError:
        return False
    return True


def of_model(subject: Subject, cases: Sequence[Case]) -> list[Case]:
    """Those of `cases` that it is run with."""
    return [case for case in cases if subject.model_type not in SLOW or case.tokens <= LONG]
