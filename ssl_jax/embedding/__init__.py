"""Computes features of any number of image files and writes them to one file."""
