"""A published checkpoint on this disk: safetensors or PyTorch's, whole or in shards, alone or beside a config.json."""
