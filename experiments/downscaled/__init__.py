"""Downscaled SimCLR: its tables and figures, one file each."""

from experiments.engine.table import Row

# A line per epoch in the curves, with the mean loss of the epoch; changes no number of a run.
EVERY_EPOCH = {"probe_every_epochs": 1, "log_every_steps": 1_000_000}
# The paper's encoder, whose figures these are.
SIMCLR = Row("SimCLR", "simclr_downscaled", paper="cifar10_224", changes=EVERY_EPOCH)
SETTINGS = (
    "batch 10, temperature 0.1, the head and 5,000 of the images are those of the released "
    "notebook; the paper gives none of them"
)
REPORT = "python -m ssl_jax.report --workdir=RUN (a folder that the run prints)"
