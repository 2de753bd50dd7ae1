"""Methods that recognise, lift and produce human movement.

A folder is a method, a file is shared.
"""
