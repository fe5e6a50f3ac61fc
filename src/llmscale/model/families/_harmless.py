"""Keys of a published ``config.json`` that leave every tensor alone, whatever family it is of."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

#: Keys of Hugging Face configs that never change a tensor's shape (transformers 5.23, `PreTrainedConfig` and the
#: configuration modules of the families here): how the file came about, tokens and generation, training, numerics and
#: the shape of the forward pass.
_WORDS = """
_commit_hash _from_model_config _name_or_path auto_map compression_config dtype license model_max_length
name_or_path processor_class tokenizer_class torch_dtype transformers_version
bad_words_ids begin_suppress_tokens cache_implementation diversity_penalty do_sample early_stopping
encoder_no_repeat_ngram_size length_penalty max_length min_length no_repeat_ngram_size num_beam_groups num_beams
num_return_sequences prefix remove_invalid_values repetition_penalty suppress_tokens task_specific_params
temperature typical_p use_cache
aux_loss_alpha axial_norm_std chunk_size_feed_forward ep_size exponential_decay_length_penalty finetuning_task
gradient_checkpointing id2label input_jitter_noise label2id num_labels pretraining_tp problem_type pruned_heads
router_jitter_noise seq_aux torchscript use_bfloat16
activation activation_function afn alibi apply_query_key_layer_scaling apply_residual_connection_post_layernorm
attention_softmax_in_fp32 attn_implementation attn_logit_softcapping bf16 dense_act_fn embd_scale encoder_stride
final_logit_softcapping fp16 fp32 hidden_act hidden_activation is_encoder_decoder is_gated_act logit_scale
logits_scaling masked_softmax_fusion max_sequence_length mm_tokens_per_image n_group norm_topk_prob offset_alibi
original_max_position_embeddings partial_rotary_factor position_encoding_2d query_pre_attn_scalar
relative_attention_max_distance reorder_and_upcast_attn routed_scaling_factor scale_attention_softmax_in_fp32
scale_decoder_outputs scoring_func seq_len seq_length skip_bias_add slow_but_exact softmax_in_fp32
tie_encoder_decoder topk_group topk_method use_dynamic_ntk use_flash_attn use_logn_attn use_parallel_residual
use_pretrained_backbone
"""
WORDS = frozenset(_WORDS.split())
#: Patterns of such keys, which must match the whole key.
PATTERNS = (
    r"unsloth_.*|transformers\.js_config|_experts_implementation.*|_attn_implementation.*|_flash_attn.*|onnx.*|"
    r"quantization(_config|_bit)?|.*_token_(id|ids|index)|(un|pad|bos|eos|sep|cls|mask)_?(k_)?token|forced_.*|"
    r"top_[kp]|return_dict.*|output_(hidden_states|attentions|scores|past|router_logits)|.*dropout.*|.*_pdrop|"
    r".*drop_path_rate|.*layerdrop|initializer.*|init_(method_|xavier_)?std|.*_init(ializer)?_(std|range|factor)|"
    r".*_loss_(coef|weight)|classifier_dropout(_prob)?|"
    r"summary_(use_proj|activation|first_dropout|proj_to_labels|type)|.*_eps|.*epsilon|rope.*|rotary_.*|.*_theta|"
    r"train_max_seq.*|.*_multiplier|scale_attn_.*|fp32_.*|use_cache_(quantization|kernel)|keys_to_ignore.*"
)

#: Keys of which only these words leave the tensors alone (``relative_key`` adds a table to every layer of BERT as
#: transformers 4 builds it, whose files there are, though later classes do not ask for it).
HARMLESS_WORDS = {
    "position_embedding_type": {"absolute", "learned_absolute", "rope", "rope_gptj", "nope", "alibi"},
}


def is_harmless(key: str, value: Any) -> bool:
    """Whether a key with this value changes no tensor: a known one, or one that is empty or switched off."""
    if value is None or value in (False, 0, "") or value == [] or value == {}:
        return True
    words = HARMLESS_WORDS.get(key)
    if words is not None:
        return isinstance(value, str) and value in words
    return named_harmless(key)


def named_harmless(key: str) -> bool:
    """Whether a key is one of those that change no tensor, whatever its value is."""
    return key in WORDS or _patterns().fullmatch(key) is not None


@cache
def _patterns() -> re.Pattern[str]:
    return re.compile(PATTERNS)


#: Words of keys whose numbers are dimensions.
_SIZE = re.compile(r"size|dim|layers|heads|experts|rank|width|depth", re.IGNORECASE)


def names_size(key: str, value: Any) -> bool:
    """Whether a key looks like a dimension: a number above 1 under a name that says so."""
    return isinstance(value, (int, float)) and value > 1 and _SIZE.search(key) is not None
