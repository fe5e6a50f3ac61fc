"""A published checkpoint on this disk: safetensors, whole or in shards, alone or beside a config.json."""
