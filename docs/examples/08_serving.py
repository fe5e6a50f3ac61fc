"""How many requests of a context vLLM runs at once."""

from llmscale import estimate

for context in ("4k", "16k", "32k"):
    card = estimate("qwen3-14b", "fp8", gpu="l40s", context=context, runtime="vllm").estimates[0].devices[0]
    print(context, card.kv_cache_tokens, card.max_concurrency)
