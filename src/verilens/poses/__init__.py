"""Poses on disk: which joints a skeleton has, and the files that hold movement."""
