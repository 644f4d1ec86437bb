"""The papers' tables and figures, one file each, and the engine that runs and renders them."""
