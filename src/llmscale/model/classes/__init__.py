"""What the code of a model class does otherwise than Llama: for whoever follows a pass, forward or both ways."""
