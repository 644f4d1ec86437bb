"""Data sets as uint8 images and labels, their order, and the stream of what does not fit in memory.

NumPy only: grain's worker processes import this package, and must not start an accelerator.
"""
