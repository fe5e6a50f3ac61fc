"""Every number of llmscale against every measurement in `tests/truth`: ``make accuracy`` writes `docs/accuracy.md`."""
