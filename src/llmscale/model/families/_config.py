"""Reading a published ``config.json``: every number bounded, every key accounted for.

A family asks for the keys it understands; what it did not ask for is either known to leave the
tensors alone (`_harmless`), empty or switched off, or refused by name in `Config.finish`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from llmscale.errors import UnsupportedModelError
from llmscale.model.families import _classes
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS, MAX_POSITIONS, MAX_VOCAB
from llmscale.model.families._harmless import HARMLESS_WORDS, is_harmless, names_size
from llmscale.model.families._values import Values, short


class Config(Values):
    """A ``config.json`` object as a family reads it.

    Args:
        data: the parsed JSON object.
        where: the file or catalogue entry, for messages.
        path: keys that led to a nested object.
        kind: the model type whose class reads it; its own where that is not said.
        prefix: what the names of this part's tensors begin with inside a larger model, ``language_model.``.
        head_prefix: the same for its head where that stands outside the part; None where it stands inside.
    """

    def __init__(
        self,
        data: Mapping[str, Any],
        where: str,
        path: str = "",
        prefix: str = "",
        head_prefix: str | None = None,
        kind: str = "",
    ) -> None:
        super().__init__(data, where, path)
        self.kind = kind or self.model_type
        auto_map = data.get("auto_map")
        self.own_code = isinstance(auto_map, Mapping) and any(key.startswith("AutoModel") for key in auto_map)
        self.prefix = prefix
        self.head_prefix = head_prefix
        self._parts: list[Config] = []
        #: Dimensions that the file does not say, and what its class assumes for them.
        self.left_out: dict[str, Any] = {}
        self.ignore("model_type", "architectures")

    # -- dimensions ---------------------------------------------------------------------------

    def hidden(self, *keys: str) -> int:
        """A width, ``hidden_size`` by default."""
        return self.number(*(keys or ("hidden_size",)))

    def layers(self, *keys: str) -> int:
        """A number of layers, ``num_hidden_layers`` by default."""
        return self.number(*(keys or ("num_hidden_layers",)), high=MAX_LAYERS)

    def vocab(self, *keys: str) -> int:
        """Rows of the token embedding, ``vocab_size`` by default."""
        return self.number(*(keys or ("vocab_size",)), high=MAX_VOCAB)

    def positions(self, *keys: str) -> int | None:
        """The model's own limit in tokens, ``max_position_embeddings`` by default; None when unsaid."""
        return self.number(*(keys or ("max_position_embeddings",)), default=None, high=MAX_POSITIONS)

    def heads(
        self,
        hidden: int,
        *keys: str,
        kv: Sequence[str] = ("num_key_value_heads",),
        kv_default: int | None = None,
        head_dim: int | None = None,
    ) -> tuple[int, int, int]:
        """(query heads, KV heads, head dimension), checked against each other.

        Args:
            kv_default: KV heads of a file that leaves them out; None (and a file that says null) for as many as heads.
            head_dim: head dimension of a file that leaves it out; None (and a file that says null) for hidden / heads.

        Raises:
            InputFileError: hidden size not a multiple of heads without a ``head_dim``, more KV heads
                than heads, or heads not a multiple of KV heads.
        """
        heads = self.number(*(keys or ("num_attention_heads",)), high=MAX_HEADS)
        if kv_default is None or any(key in self.data for key in kv):
            kv_default = heads
        kv_heads = self.number(*kv, default=kv_default, high=MAX_HEADS) if kv else heads
        if kv_heads > heads:
            raise self.error(f"has {kv_heads} KV heads but only {heads} query heads")
        if heads % kv_heads:
            raise self.error(f"has {heads} query heads, not a multiple of its {kv_heads} KV heads")
        head_dim = None if "head_dim" in self.data else head_dim
        dim: int | None = self.number("head_dim", default=head_dim, high=MAX_HEADS)
        if dim is None:
            if hidden % heads:
                raise self.error(f"has a hidden size of {hidden}, not a multiple of its {heads} heads")
            dim = hidden // heads
        return heads, kv_heads, dim

    # -- parts --------------------------------------------------------------------------------

    def part(
        self,
        key: str,
        prefix: str = "",
        head_prefix: str | None = None,
        defaults: Mapping[str, Any] | None = None,
        known: Mapping[str, Any] | None = None,
    ) -> Config:
        """A nested object (``text_config``), whose keys are accounted for as well.

        Args:
            prefix: what its tensors' names begin with, ``language_model.``.
            head_prefix: see `Config`.
            defaults: what the part's architecture assumes where the object leaves a key out; may be empty.
                Without it the object must be there.
            known: what the whole decides for the part, whatever the object says.

        Raises:
            InputFileError: missing or not an object.
        """
        value = self.get(key)
        always = _classes.part(self.kind, key)
        # A part of any architecture has to be there; the class has one of its own choice otherwise.
        chosen = "model_type" in (defaults or {}) and _classes.known(self.kind) and not always
        if value is None and defaults is not None and not chosen:
            value = {}
        if not isinstance(value, Mapping):
            raise self.error(f"lacks the object '{self._at(key)}'")
        data = {**(defaults or {}), **value, **(known or {})}
        kind = always or str(data.get("model_type", ""))
        part = Config(data, self.where, self._at(key), self.prefix + prefix, head_prefix, kind)
        self._parts.append(part)
        return part

    def parts(self, key: str, count: int) -> list[Config]:
        """A list of `count` nested objects, one a layer, whose keys are accounted for as well.

        Raises:
            InputFileError: missing or not such a list.
        """
        values = self.get(key)
        if not isinstance(values, list) or not all(isinstance(v, Mapping) for v in values):
            raise self.error(f"lacks the list of objects '{self._at(key)}'")
        if len(values) != count:
            raise self.error(f"has {len(values)} entries in {self._at(key)} for {count} layers")
        parts = [Config(v, self.where, f"{self._at(key)}[{i}]", self.prefix) for i, v in enumerate(values)]
        self._parts += parts
        return parts

    # -- what it is ---------------------------------------------------------------------------

    @property
    def model_type(self) -> str:
        """The published ``model_type``; empty when there is none."""
        value = self.data.get("model_type")
        return value if isinstance(value, str) else ""

    def saved_by(self) -> int:
        """The major version of transformers that wrote the file; of a file that does not say, the one that was read."""
        match = re.match(r"\d+", str(self.data.get("transformers_version") or _classes.version()))
        return int(match[0]) if match else 0

    def architecture(self, default: str) -> str:
        """The class the checkpoint was saved from, ``LlamaForCausalLM``."""
        value = self.data.get("architectures")
        if value is None or value == []:
            return default
        if isinstance(value, list) and isinstance(value[0], str):
            return value[0]
        raise self.error(f"has architectures = {short(value)}, which is not a list of class names")

    def head(self, default: str) -> str:
        """What stands on top: the architecture's name from ``For`` on, ``LMHeadModel`` or ``Model``."""
        name = self.architecture(default)
        match = re.search(r"(For[A-Z]\w*|LMHeadModel|LMHead|DoubleHeadsModel|EncoderModel|Model)$", name)
        return match[1] if match else name

    def labels(self, default: int = 2) -> int:
        """Rows of a classifier: ``num_labels``, else the length of ``id2label``, else transformers' default."""
        names = self.get("id2label")
        if isinstance(names, Mapping) and names:
            default = len(names)
        return self.number("num_labels", default=default, low=0)

    def assumed(self, keys: Sequence[str], required: bool = False) -> Any:
        """What transformers' class assumes for the first of `keys` that it knows; None where the file says null.

        What every reader needs stands in the file itself as a rule, and may be left out of a part: transformers writes
        of parts only what differs from what their classes assume. Where a file leaves it out, that is said, and nothing
        is assumed for code that comes with the file.
        """
        if any(key in self.data for key in keys) or (required and not self.path and self.own_code):
            return None
        found = (_classes.default(self.kind, key) for key in keys)
        value = next((value for value in found if value is not None), None)
        if required and not self.path and value is not None:
            self.left_out[keys[0]] = value
        return value

    # -- refusing -----------------------------------------------------------------------------

    def ignore(self, *keys: str) -> None:
        """Account for keys that this family knows to leave its tensors alone."""
        self._read.update(keys)

    def unsupported(self, what: str, hint: str = "") -> UnsupportedModelError:
        """A refusal of something real that we do not know how to count, to be raised."""
        return UnsupportedModelError(
            f"{self.where} {what}, which llmscale cannot count yet: a number would be a guess.", hint
        )

    def finish(self) -> None:
        """Refuse keys that nobody read, and that a class may read.

        Raises:
            UnsupportedModelError: naming them.
        """
        for part in self._parts:
            part.finish()
        if unread := self._own_unread():
            keys = ", ".join(f"'{key}'" for key in unread[:5]) + (" …" if len(unread) > 5 else "")
            raise self.unsupported(
                f"(model_type '{self.model_type}') has {'a key' if len(unread) == 1 else 'keys'} that may change "
                f"the parameter count: {keys}",
                "If it does not change any tensor, remove it from a copy of the file and try again.",
            )

    def unread(self) -> list[str]:
        """The keys that `finish` would refuse, those of the parts first."""
        return [key for part in self._parts for key in part.unread()] + self._own_unread()

    def outside(self) -> list[str]:
        """The keys that nobody read and no class reads, those of the parts first: they change no tensor."""
        own = [self._at(key) for key in self._strange() if self._is_outside(key)]
        return [key for part in self._parts for key in part.outside()] + own

    def _own_unread(self) -> list[str]:
        return [self._at(key) for key in self._strange() if not self._is_outside(key)]

    def _strange(self) -> list[str]:
        """Keys that no family read, that are not known to be harmless, and not empty or off."""
        return [key for key, value in self.data.items() if key not in self._read and not is_harmless(key, value)]

    def _is_outside(self, key: str) -> bool:
        # Code that comes with the file may read what the class of transformers does not.
        foreign = self.own_code and names_size(key, self.data[key])
        strange = foreign or key in HARMLESS_WORDS
        return _classes.known(self.kind) and not _classes.reads(self.kind, key) and not strange
