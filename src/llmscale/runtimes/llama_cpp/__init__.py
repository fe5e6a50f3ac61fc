"""llama.cpp: its caches and its compute buffers."""
