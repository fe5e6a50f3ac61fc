"""GGUF, the file format of llama.cpp: what its files take beside and inside the tensors."""
