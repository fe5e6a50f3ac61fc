"""A model of one's own: the content of a config.json is enough."""

from llmscale import estimate, params

config = {
    "model_type": "llama",
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 16,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "tie_word_embeddings": True,
}
count = params(config).parameters
assert count is not None
print(count.total)
print(estimate(config, ["bf16", "q8_0"], gpu="8GiB"))
