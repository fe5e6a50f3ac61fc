"""MLX, through mlx-lm, on Metal."""
