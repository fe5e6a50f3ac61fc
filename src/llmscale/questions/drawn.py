"""Pictures by HTTP: the same that ``llmscale plot`` draws, as JSON for whoever draws it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscale.pictures.asked import PictureAsked
from llmscale.pictures.registry import KINDS, kind
from llmscale.questions.endpoints import BATCH, CONTEXT, KV, QUANT, RESERVE, RUNTIME, Endpoint, Parameter, arguments
from llmscale.render.words import LANGUAGES, words

ENDPOINT = Endpoint(
    "",
    (),
    "A picture as data: axes with their ticks, series or bars, caption.",
    (
        Parameter("picture", "text", f"One of: {', '.join(KINDS)}.", True),
        Parameter("subject", "text", "The model or the device."),
        QUANT,
        CONTEXT,
        BATCH,
        KV,
        RUNTIME,
        Parameter("gpu", "text", "A device."),
        RESERVE,
        Parameter("parts", "flag", "memory: what the bytes of one format are for."),
        Parameter("lang", "text", f"One of: {', '.join(LANGUAGES)}."),
    ),
    places=0,
    options=True,
)


def drawn(said: Mapping[str, list[str]]) -> Any:
    """The picture that is asked for."""
    _, named = arguments(ENDPOINT, said)
    name, lang = named.pop("picture"), named.pop("lang", "en")
    asked = PictureAsked(**{**named, "quants": tuple(named.get("quants", ()))})
    picture = kind(name).draw(asked, words(lang if lang in LANGUAGES else "en"))
    return {"kind": type(picture).__name__.lower(), **_plain(picture)}


def _plain(value: Any) -> Any:
    """Named tuples as objects."""
    if hasattr(value, "_asdict"):
        return {name: _plain(item) for name, item in value._asdict().items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
