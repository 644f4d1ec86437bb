"""The parts of profile_step.py.

trace: from the profiler to events, and when the device worked. figures: events and kernels of the
program matched and added up. report: the figures as text.
"""
