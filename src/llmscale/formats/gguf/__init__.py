"""llama.cpp's files: what its converter makes of a model's tensors, and which type each preset gives them."""
