"""The HTML report: what is collected of runs (`gallery`, `workdir`), and how it is shown."""
