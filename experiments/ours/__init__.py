"""Comparisons of ours that no paper has, one file each."""
