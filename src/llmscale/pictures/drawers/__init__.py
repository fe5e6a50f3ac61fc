"""What draws a picture, a module per way: the terminal, matplotlib, plotly."""
