"""Hugging Face transformers 5.23.0 with PyTorch on one CUDA device, or on several by ``device_map="auto"``.

`tape` counts what is allocated, `ops`, `attention`, `mlp`, `recurrent` and `mamba` go through the code of the building
blocks, `styles` says how a family puts them together. `forward` goes through ``generate`` of decoders, `seq2seq` of
encoder-decoders, `encoder` through one call of an encoder; `runtime` joins them to llmscale.
"""
