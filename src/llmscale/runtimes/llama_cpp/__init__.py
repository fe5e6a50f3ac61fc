"""llama.cpp's memory besides the weights, to the byte.

llama.cpp builds the graph of the largest batch that it will compute, gives each operation a device, and lets ggml's
allocator place every tensor; what the allocator needs is the compute buffer. The same is done here, on tensors that are
a shape and a list of sources:

    ModelSpec ── read ──▶ ModelFacts ─┐
    Workload ──▶ LlamaCppSettings ────┼── simulator ──▶ bytes of each device
    devices ──▶ Offload ──────────────┘

`placement.place` is what to call. An architecture whose graph is not here gets the nearest one, and `ModelFacts.known`
is False: its cache is still exact, its compute buffers are an approximation (sparse attention taken for dense was 48 %
too low, the worst seen).

`process` is what a process takes on a device besides, `beside` what is loaded with a model: a vision tower, whose
compute buffer is in `towers`, and a draft model.

Not here: LoRA adapters, the graphs of images and audio, and the growth of buffers that the first real batch may cause.
"""
