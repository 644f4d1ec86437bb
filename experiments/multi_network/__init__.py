"""Multi-network: its tables and figures, one file each."""
