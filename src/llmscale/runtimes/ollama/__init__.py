"""Ollama: its own choices, and llama-server, which does the rest."""
