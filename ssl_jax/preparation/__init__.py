"""Writes images of any origin into shards of ArrayRecord; a killed command resumes."""
