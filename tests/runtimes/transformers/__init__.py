"""The transformers runtime against its source, by hand and by what its classes were seen to allocate."""
