"""The training step of SimCLR, BYOL and MoCo v3 in PyTorch, from a config of ssl_jax.

What makes it fast is listed in compare_torch.py, which measures it.
"""
