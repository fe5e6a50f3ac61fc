"""llama.cpp's graph, scheduler and allocator."""
