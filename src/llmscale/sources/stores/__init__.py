"""What other programs have on this disk: each one's folder of models, and the models in it."""
