"""What ggml and llama.cpp do with a model, on tensors that are a shape and a list of sources.

    ModelFacts ── assemble ──▶ Graph ── schedule ──▶ splits and copies ── alloc ──▶ bytes of each device
                      │
       joins · gemma3n · gemma4
                      │
       mixers (attention · sparse · recurrent) · experts
                      │
       context (inputs · caches), which knows no part

`buffers.buffers` is what to call. `cells` is the cache, which needs no graph; `layers` says which device a layer goes
to. Of llmscale nothing is known here but what goes in (`facts`, `settings`) and the blocks of number formats.
"""
