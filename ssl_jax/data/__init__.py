"""Data sets of uint8 images and labels, the order of their images, and streaming from disk.

NumPy only: grain's worker processes import this package and must not start an accelerator.
"""
