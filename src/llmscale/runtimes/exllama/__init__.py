"""ExLlamaV3: pages of cache, and one chunk of a prompt at a time."""
