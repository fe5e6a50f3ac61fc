"""What a catalogue says of one model: what was published, and where that was read."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from llmscale.records import dataclass

#: What models that write text are for, and what others do.
WRITE = ("chat", "code", "reason", "vision")
PURPOSES = (*WRITE, "embedding", "rerank", "speech")


@dataclass(frozen=True)
class Rumour:
    """A size that somebody claimed and nobody confirmed."""

    low: int
    high: int
    who: str
    what: str
    source: str


@dataclass(frozen=True)
class ModelEntry:
    """One catalogue entry; see ``docs/adding.md`` for how to write one.

    Attributes:
        parameters, active_parameters, training_tokens: as the publisher states them.
        context: the limit that the published config gives, in tokens; as the publisher states it where there is none.
        stated_context: what the publisher states where that is another number, and `stated_how` by what means.
        hub: its repository on the hub; `ollama` its name in Ollama's library; `gguf` repositories with GGUF files.
        tools: whether it was trained to call tools; None when that was not looked up.
        languages: ISO 639-1 codes, as its publisher lists them.
        made_for: what it is made for and nothing else, where neither its name nor its class says so (`PURPOSES`);
            `made_for_source` says where that was read.
        capabilities_source: where `tools`, `languages`, `ollama` and `gguf` were read.
        config: hyper-parameters in the publisher's own keys; None when there are none.
        no_config: why there is no config although the size is published.
        undisclosed: what the publisher does not say; then no number here is ours.
        difference: why `parameters` differs from the count of the tensors by more than 0.5 %.
        checked: where the hyper-parameters were read; ``recalled`` when nowhere.
        variants: what some of the aliases have in their config instead: those with a longer context, and their like.
        counted, counted_active: computed from `config` when the catalogue is compiled.
        origin: the user's catalogue that it stands in; empty for a model that ships with llmscale.
    """

    id: str
    name: str
    publisher: str
    modality: str
    licence: str
    open: bool
    source: str
    released: str
    aliases: list[str] = field(default_factory=list)
    training_tokens: int | None = None
    context: int | None = None
    stated_context: int | None = None
    stated_how: str = ""
    hub: str = ""
    ollama: str = ""
    gguf: list[str] = field(default_factory=list)
    tools: bool | None = None
    languages: list[str] = field(default_factory=list)
    made_for: list[str] = field(default_factory=list)
    made_for_source: str = ""
    capabilities_source: str = ""
    parameters: int | None = None
    active_parameters: int | None = None
    difference: str = ""
    config_source: str = ""
    checked: str = ""
    note: str = ""
    config: dict[str, Any] | None = None
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    no_config: str = ""
    undisclosed: str = ""
    rumours: list[Rumour] = field(default_factory=list)
    suggest: list[str] = field(default_factory=list)
    counted: int | None = None
    counted_active: int | None = None
    origin: str = ""

    @property
    def owner(self) -> str:
        """Whose entry it is: ``llmscale`` or ``user``."""
        return "user" if self.origin else "llmscale"

    @property
    def size(self) -> int | None:
        """Parameters: counted where the tensors are known, else as published, else None."""
        return self.counted or self.parameters
