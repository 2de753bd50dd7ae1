"""Training: how methods get their weights."""
