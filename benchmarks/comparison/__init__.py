"""The parts of compare_torch.py.

cases: their names and configs. sides: the ways to run the step of a case. measurement: their times
in turn. table: the figures as lines of text.
"""
