"""Layers and network steps that three methods or more share."""
