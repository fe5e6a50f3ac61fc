"""FLOPs of a training step, as ``torch.utils.flop_counter`` counts them: matrix products, attention, convolutions."""
