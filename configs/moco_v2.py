"""MoCo v2 (Chen et al., arXiv 2003.04297).

The CIFAR settings are those of the official CIFAR-10 notebook, symmetric: batch 512, SGD 0.06,
weight decay 5e-4 on all parameters, queue 4096, m 0.99, T 0.1, BatchNorm in 8 groups with shuffled
keys; 200 epochs, 85.3 % kNN there (k = 200, T = 0.1, on the 128 outputs). The notebook's head is
one linear layer, ours MoCo v2's two; its queue is shared by both directions, ours are two.

    python -m ssl_jax.main --config=configs/moco_v2.py
    python -m ssl_jax.main --config=configs/moco_v2.py:cifar10 --config.data.path=DIR
"""

from ml_collections import ConfigDict

from configs import common


def get_config(variant: str = "") -> ConfigDict:
    return common.choose(
        variant,
        digits=digits,
        cifar10=lambda: cifar("cifar10"),
        cifar100=lambda: cifar("cifar100"),
    )


def cifar(name: str) -> ConfigDict:
    config = common.cifar(common.base(), name)
    config.epochs = 200
    config.batch_size = 512
    config.learning_rate = 0.06
    config.optimizer.base_batch = 512
    config.optimizer.weight_decay = 5e-4
    config.optimizer.decay_all = True
    config.network.batch_norm_groups = 8
    config.method = ConfigDict(
        {
            "name": "moco_v2",
            "hidden": 512,
            "out": 128,
            "temperature": 0.1,
            "momentum": 0.99,
            "queue_size": 4096,
            "symmetric": True,
            "shuffle": True,
        }
    )
    policy = common.view(
        size=32,
        jitter_probability=0.8,
        brightness=0.4,
        contrast=0.4,
        saturation=0.4,
        hue=0.1,
        grey=0.2,
    )
    config.augment.view0 = policy
    config.augment.view1 = policy.copy_and_resolve_references()
    return config


def digits() -> ConfigDict:
    config = common.digits(cifar("digits"))
    config.learning_rate = 2e-3
    config.optimizer.name = "adamw"
    config.optimizer.decay_all = False
    config.method.hidden = 128
    config.method.out = 64
    config.method.queue_size = 1024
    return config
