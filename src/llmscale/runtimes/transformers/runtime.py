"""transformers as llmscale asks of a runtime."""
