"""Keys of a published ``config.json`` that leave every tensor alone, whatever family it is of."""

from __future__ import annotations

import re
from typing import Any

#: Keys of Hugging Face configs that never change a tensor's shape (transformers 5.23, `PreTrainedConfig`
#: and the configuration modules of the families here), as patterns that must match the whole key.
HARMLESS = re.compile(
    "|".join(
        (
            # how the file came about
            r"_name_or_path|name_or_path|_commit_hash|_from_model_config|unsloth_.*|transformers\.js_config",
            r"_experts_implementation.*|_attn_implementation.*|_flash_attn.*|transformers_version|tokenizer_class|processor_class",
            r"auto_map|torch_dtype|dtype|onnx.*|quantization(_config|_bit)?|compression_config|license|model_max_length",
            # tokens and generation
            r".*_token_(id|ids|index)|(un|pad|bos|eos|sep|cls|mask)_?(k_)?token|suppress_tokens|begin_suppress_tokens|bad_words_ids|forced_.*",
            r"max_length|min_length|length_penalty|num_beams|num_beam_groups|num_return_sequences|no_repeat_ngram_size|repetition_penalty",
            r"do_sample|early_stopping|temperature|top_[kp]|typical_p|diversity_penalty|encoder_no_repeat_ngram_size|remove_invalid_values",
            r"use_cache|cache_implementation|return_dict.*|output_(hidden_states|attentions|scores|past|router_logits)|prefix|task_specific_params",
            # training
            r".*dropout.*|.*_pdrop|dropout|.*drop_path_rate|.*layerdrop|initializer.*|init_(method_)?std|.*_init(ializer)?_(std|range|factor)|axial_norm_std|embd_pdrop",
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
    return HARMLESS.fullmatch(key) is not None


#: Words of keys whose numbers are dimensions.
_SIZE = re.compile(r"size|dim|layers|heads|experts|rank|width|depth", re.IGNORECASE)


def names_size(key: str, value: Any) -> bool:
    """Whether a key looks like a dimension: a number above 1 under a name that says so."""
    return isinstance(value, (int, float)) and value > 1 and _SIZE.search(key) is not None
