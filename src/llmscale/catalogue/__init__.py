"""The models that ship, and the user's own."""
