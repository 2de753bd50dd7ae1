"""Measures methods fairly. Metrics are functions of arrays; nothing here imports torch."""
