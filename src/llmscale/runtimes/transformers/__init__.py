"""Hugging Face transformers 5.23.0 with PyTorch on one CUDA device, or on several by ``device_map="auto"``.

`tape` counts what is allocated, `ops`, `attention`, `mlp` and `experts` go through the code of the building blocks,
`styles` says how a family puts them together, `forward` goes through ``generate``; `runtime` joins them to llmscale.
"""
