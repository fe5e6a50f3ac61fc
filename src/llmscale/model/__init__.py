"""What a model is: its blocks, its tensors, its shape."""
