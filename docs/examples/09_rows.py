"""Rows for pandas or polars: one a model, sizes in bytes."""

from llmscale import fits

rows = fits("rtx4090", ["qwen3-8b", "qwen3-14b", "gemma-3-27b"]).to_rows()
for row in rows:
    print(row["model"], row["quant"], row["used_bytes"], row["max_context"])
