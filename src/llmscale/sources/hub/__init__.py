"""Repositories of a hub: what is asked there, what is kept, and which of a repository's files are a model."""
