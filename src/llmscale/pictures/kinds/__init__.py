"""What can be drawn, a module per kind; `llmscale.pictures.registry` lists them."""
