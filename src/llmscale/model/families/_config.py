"""Reading a published ``config.json``: every number bounded, every key accounted for.

A family asks for the keys it understands; what it did not ask for is either known to leave the
tensors alone (`HARMLESS`), empty or switched off, or refused by name in `Config.finish`.
The bounds are far above any published model and exist to catch damaged files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from llmscale.errors import InputFileError, UnsupportedModelError

#: Keys of Hugging Face configs that never change a tensor's shape (transformers 5.23, `PreTrainedConfig`
#: and the configuration modules of the families here), as patterns that must match the whole key.
HARMLESS = re.compile(
    "|".join(
        (
            # how the file came about
            r"_name_or_path|name_or_path|_commit_hash|_from_model_config|unsloth_.*|transformers\.js_config",
            r"_experts_implementation.*|_attn_implementation.*|_flash_attn.*|transformers_version|tokenizer_class|processor_class",
            r"auto_map|torch_dtype|dtype|onnx.*|quantization_config|quantization_bit|compression_config|license|model_max_length",
            # tokens and generation
            r".*_token_(id|ids|index)|(un|pad|bos|eos|sep|cls|mask)_?(k_)?token|suppress_tokens|begin_suppress_tokens|bad_words_ids|forced_.*",
            r"max_length|min_length|length_penalty|num_beams|num_beam_groups|num_return_sequences|no_repeat_ngram_size|repetition_penalty",
            r"do_sample|early_stopping|temperature|top_[kp]|typical_p|diversity_penalty|encoder_no_repeat_ngram_size|remove_invalid_values",
            r"use_cache|cache_implementation|return_dict.*|output_(hidden_states|attentions|scores|past|router_logits)|prefix|task_specific_params",
            # training
            r".*dropout.*|.*_pdrop|dropout|.*drop_path_rate|layerdrop|initializer.*|init_(method_)?std|.*_init(ializer)?_(std|range|factor)|embd_pdrop",
            r"gradient_checkpointing|use_bfloat16|torchscript|chunk_size_feed_forward|pretraining_tp|ep_size|pruned_heads|problem_type|finetuning_task",
            r"aux_loss_alpha|seq_aux|router_aux_loss_coef|router_z_loss_coef|router_jitter_noise|input_jitter_noise|moe_dropout|.*_loss_(coef|weight)",
            r"classifier_dropout(_prob)?|id2label|label2id|num_labels|summary_(use_proj|activation|first_dropout|proj_to_labels|type)|exponential_decay_length_penalty",
            # numerics and the shape of the forward pass
            r".*_eps|.*epsilon|hidden_act|hidden_activation|activation_function|activation|afn|dense_act_fn|is_gated_act|embd_scale",
            r"rope.*|rotary_.*|.*_theta|partial_rotary_factor|original_max_position_embeddings|max_sequence_length|seq_length|seq_len|train_max_seq.*",
            r"position_encoding_2d|use_dynamic_ntk|use_logn_attn|alibi|relative_attention_max_distance|scale_decoder_outputs",
            r"attn_logit_softcapping|final_logit_softcapping|query_pre_attn_scalar|logit_scale|logits_scaling|.*_multiplier|attn_pdrop|scale_attn_.*",
            r"scale_attention_softmax_in_fp32|attention_softmax_in_fp32|softmax_in_fp32|fp32_.*|bf16|fp16|fp32|use_flash_attn|masked_softmax_fusion",
            r"bias_dropout_fusion|apply_residual_connection_post_layernorm|apply_query_key_layer_scaling|reorder_and_upcast_attn|slow_but_exact",
            r"skip_bias_add|offset_alibi|norm_topk_prob|scoring_func|topk_method|n_group|topk_group|routed_scaling_factor|mm_tokens_per_image|unk_token_id",
            r"use_parallel_residual|is_encoder_decoder|tie_encoder_decoder|use_cache_(quantization|kernel)|attn_implementation|encoder_stride|keys_to_ignore.*",
        )
    )
)

#: Keys of which only these words leave the tensors alone (``relative_key`` adds a table to every layer of BERT).
HARMLESS_WORDS = {
    "position_embedding_type": {"absolute", "learned_absolute", "rope", "rope_gptj", "nope", "alibi"},
}

#: Largest value of each kind of dimension.
MAX_WIDTH = 1 << 24
MAX_LAYERS = 10_000
MAX_HEADS = 1 << 16
MAX_EXPERTS = 1 << 16
MAX_VOCAB = 1 << 27
MAX_POSITIONS = 1 << 40
MAX_STRETCH = 1 << 20

_REQUIRED = object()


class Config:
    """A ``config.json`` object as a family reads it.

    Args:
        data: the parsed JSON object.
        where: the file or catalogue entry, for messages.
        path: keys that led to a nested object.
        prefix: what the names of this part's tensors begin with inside a larger model, ``language_model.``.
        head_prefix: the same for its head where that stands outside the part; None where it stands inside.
    """

    def __init__(
        self, data: Mapping[str, Any], where: str, path: str = "", prefix: str = "", head_prefix: str | None = None
    ) -> None:
        self.data = data
        self.where = where
        self.path = path
        self.prefix = prefix
        self.head_prefix = head_prefix
        self._read: set[str] = {"model_type", "architectures"}
        self._parts: list[Config] = []

    # -- values -------------------------------------------------------------------------------

    def get(self, *keys: str) -> Any:
        """The value of the first of `keys` that is there and not null; None when none is."""
        self._read.update(keys)
        for key in keys:
            if self.data.get(key) is not None:
                return self.data[key]
        return None

    def number(self, *keys: str, default: Any = _REQUIRED, low: int = 1, high: int = MAX_WIDTH) -> int:
        """A whole number; `keys` are spellings of the same thing, the first that is there counts.

        Raises:
            InputFileError: missing without a default, not a whole number, outside [low, high].
        """
        value = self.get(*keys)
        if value is None:
            if default is _REQUIRED:
                raise self.error(f"lacks '{self._at(keys[0])}'", "Every dimension that the model needs must be there.")
            return default  # type: ignore[no-any-return]
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.error(f"has {self._at(keys[0])} = {_short(value)}, which is not a whole number")
        if not low <= value <= high:
            raise self.error(f"has {self._at(keys[0])} = {_short(value)}; it must lie between {low} and {high:,}")
        return value

    def rope(self) -> tuple[str, float]:
        """How rotary positions are stretched (``llama3``, ``longrope``; empty when not), and the share that rotates.

        Neither changes a published tensor; GGUF files hold a table of factors for some kinds.
        """
        given = [self.data.get(key) for key in ("rope_parameters", "rope_scaling")]
        parts = [part for part in given if isinstance(part, dict)]
        parts += [part["full_attention"] for part in parts if isinstance(part.get("full_attention"), dict)]
        kinds = [kind for part in parts for kind in (part.get("rope_type"), part.get("type")) if isinstance(kind, str)]
        shares = [part.get("partial_rotary_factor") for part in (self.data, *parts)]
        share = next((float(s) for s in shares if isinstance(s, (int, float)) and 0 < s <= 1), 1.0)
        return next((kind for kind in kinds if kind != "default"), ""), share

    def rope_factor(self) -> float:
        """By what linear and dynamic stretching lengthen a table of rotary positions; 1 for other kinds."""
        given = [part.get(key) for part in self._text_parts() for key in ("rope_parameters", "rope_scaling")]
        for part in given:
            if isinstance(part, dict) and (part.get("rope_type") or part.get("type")) in ("linear", "dynamic", "ntk"):
                factor = part.get("factor")
                if isinstance(factor, (int, float)) and 1 <= factor <= MAX_STRETCH:
                    return float(factor)
        return 1.0

    def state_dtype(self) -> str:
        """The format that runtimes keep recurrent states in, where the file or its text part names one."""
        keys = ("mamba_ssm_dtype", "mamba_ssm_cache_dtype")
        named = [part[key] for part in self._text_parts() for key in keys if isinstance(part.get(key), str)]
        return named[0] if named else ""

    def _text_parts(self) -> list[Mapping[str, Any]]:
        part = self.data.get("text_config")
        return [self.data, part] if isinstance(part, dict) else [self.data]

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

    def flag(self, *keys: str, default: bool = False) -> bool:
        """A switch.

        Raises:
            InputFileError: neither true nor false.
        """
        value = self.get(*keys)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.error(f"has {self._at(keys[0])} = {_short(value)}, which is neither true nor false")
        return value

    def text(self, key: str, default: str = "") -> str:
        """A word.

        Raises:
            InputFileError: not text.
        """
        value = self.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.error(f"has {self._at(key)} = {_short(value)}, which is not text")
        return value

    def numbers(self, key: str, default: Any = _REQUIRED, low: int = 1, high: int = MAX_WIDTH) -> list[int]:
        """A list of whole numbers in [low, high].

        Raises:
            InputFileError: missing without a default, not such a list.
        """
        value = self.get(key)
        if value is None:
            if default is _REQUIRED:
                raise self.error(f"lacks '{self._at(key)}'")
            return default  # type: ignore[no-any-return]
        whole = isinstance(value, list) and all(isinstance(v, int) and not isinstance(v, bool) for v in value)
        if not whole or len(value) > MAX_LAYERS or not all(low <= v <= high for v in value):
            raise self.error(
                f"has {self._at(key)} = {_short(value)}, not a list of whole numbers from {low} to {high:,}"
            )
        return list(value)

    def decimal(self, key: str, default: Any = _REQUIRED, low: float = 0, high: float = MAX_WIDTH) -> float:
        """A number that need not be whole, in [low, high].

        Raises:
            InputFileError: missing without a default, not a number, outside [low, high].
        """
        value = self.get(key)
        if value is None:
            if default is _REQUIRED:
                raise self.error(f"lacks '{self._at(key)}'")
            return default  # type: ignore[no-any-return]
        if not _is_decimal(value) or not low <= value <= high:
            raise self.error(f"has {self._at(key)} = {_short(value)}, not a number from {low:g} to {high:g}")
        return float(value)

    def decimals(self, key: str, count: int, low: float = 0, high: float = MAX_WIDTH) -> list[float]:
        """A list of `count` numbers in [low, high], one a layer.

        Raises:
            InputFileError: missing, not such a list.
        """
        values = self.get(key)
        if not isinstance(values, list) or not all(_is_decimal(v) and low <= v <= high for v in values):
            raise self.error(f"has {self._at(key)} = {_short(values)}, not a list of numbers from {low:g} to {high:g}")
        if len(values) != count:
            raise self.error(f"has {len(values)} entries in {self._at(key)} for {count} layers")
        return [float(v) for v in values]

    def words(self, key: str, count: int) -> list[str] | None:
        """A list of `count` words, one a layer (``layer_types``); None when it is not there.

        Raises:
            InputFileError: not a list of that many words.
        """
        value = self.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise self.error(f"has {self._at(key)} = {_short(value)}, which is not a list of words")
        if len(value) != count:
            raise self.error(f"has {len(value)} entries in {self._at(key)} for {count} layers")
        return list(value)

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
        if value is None and defaults is not None:
            value = {}
        if not isinstance(value, Mapping):
            raise self.error(f"lacks the object '{self._at(key)}'")
        data = {**(defaults or {}), **value, **(known or {})}
        part = Config(data, self.where, self._at(key), self.prefix + prefix, head_prefix)
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

    def ignore(self, *keys: str) -> None:
        """Account for keys that this family knows to leave its tensors alone."""
        self._read.update(keys)

    # -- what it is ---------------------------------------------------------------------------

    @property
    def model_type(self) -> str:
        """The published ``model_type``; empty when there is none."""
        value = self.data.get("model_type")
        return value if isinstance(value, str) else ""

    def architecture(self, default: str) -> str:
        """The class the checkpoint was saved from, ``LlamaForCausalLM``."""
        value = self.data.get("architectures")
        if value is None or value == []:
            return default
        if isinstance(value, list) and isinstance(value[0], str):
            return value[0]
        raise self.error(f"has architectures = {_short(value)}, which is not a list of class names")

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

    # -- refusing -----------------------------------------------------------------------------

    def error(self, what: str, hint: str = "") -> InputFileError:
        """An error about this file, to be raised."""
        return InputFileError(f"{self.where} {what}.", hint or "Check it against the model's published config.json.")

    def unsupported(self, what: str, hint: str = "") -> UnsupportedModelError:
        """A refusal of something real that we do not know how to count, to be raised."""
        return UnsupportedModelError(
            f"{self.where} {what}, which llmscale cannot count yet: a number would be a guess.", hint
        )

    def finish(self) -> None:
        """Refuse keys that nobody read, are not known to be harmless, and are not empty or off.

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

    def _own_unread(self) -> list[str]:
        return [
            self._at(key)
            for key, value in self.data.items()
            if key not in self._read and not _empty(value) and not _harmless(key, value)
        ]

    def _at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key


def _harmless(key: str, value: Any) -> bool:
    words = HARMLESS_WORDS.get(key)
    if words is not None:
        return isinstance(value, str) and value in words
    return HARMLESS.fullmatch(key) is not None


def _empty(value: Any) -> bool:
    return value is None or value in (False, 0, "") or value == [] or value == {}


def _is_decimal(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "…"
