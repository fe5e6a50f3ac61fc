"""What it takes to train a model: which parameters, the optimizer's states, gradients."""
