"""Poses on disk: which joints a skeleton has, and the files that hold movement.

`read` opens a file, `skeletons` holds the named skeletons, `packs` the small motion sets.
"""
