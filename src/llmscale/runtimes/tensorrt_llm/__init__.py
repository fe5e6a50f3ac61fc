"""TensorRT-LLM: the PyTorch backend."""
