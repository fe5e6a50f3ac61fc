"""Hugging Face transformers 5.23.0 with PyTorch on one CUDA device, or on several by ``device_map="auto"``.

A forward pass is traced: `tape` writes down what is allocated and freed, in the order of the code of the model classes.
`attention`, `recurrent`, `mlp`, `experts` and `ops` follow the code of the building blocks, `blocks` says which block
is which, `styles` how a family puts them together. `decoder` goes through one step of ``generate``, `seq2seq` the same
of encoder-decoders, `encoder` through one call; `forward` is the door to all three. `peak` is the moment at which most
is alive, `rule` stands for models that are not traced; `runtime` joins them to llmscale.
"""
