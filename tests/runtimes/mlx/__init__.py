"""MLX against published peaks, and by hand."""
