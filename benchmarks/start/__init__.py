"""How long llmscale takes, as ratios to a ten-line Typer + Rich program in the same run."""
