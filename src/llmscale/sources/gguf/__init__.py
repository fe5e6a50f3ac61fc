"""What stands in a GGUF file: its header, its tensors, and the model that they are."""
