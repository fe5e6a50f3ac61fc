"""What ggml and llama.cpp do with a model, on tensors that are a shape and a list of sources.

    ModelFacts ── build ──▶ Graph ── schedule ──▶ splits and copies ── alloc ──▶ bytes of each device
                    │
      attention · caches · experts · recurrent · sparse · gemma3n · gemma4

`buffers.buffers` is what to call. `cells` is the cache, which needs no graph; `layers` says which device a layer goes
to. Of llmscale nothing is known here but what goes in (`facts`, `settings`) and the blocks of number formats.
"""
