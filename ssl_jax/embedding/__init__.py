"""Features of a person's own images, however many, in one file."""
