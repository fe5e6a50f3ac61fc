"""vLLM: what it takes on each device at start-up, and what it leaves for the KV cache."""
