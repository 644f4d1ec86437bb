"""SimCLR (Chen et al., arXiv 2002.05709).

The CIFAR-10 settings are those of the official repository's CIFAR-10 command: ResNet-18, batch
512, 1000 epochs, LARS (its TensorFlow form) with learning rate 1.0 x batch / 256, weight decay
1e-4, temperature 0.5, jitter strength 0.5, no blur; about 91 % linear there.

    python -m ssl_jax.main --config=configs/simclr.py
    python -m ssl_jax.main --config=configs/simclr.py:cifar10 --config.data.path=DIR
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
    config.epochs = 1000
    config.batch_size = 512
    config.learning_rate = 1.0
    config.optimizer.name = "lars_optax"
    config.optimizer.weight_decay = 1e-4
    config.optimizer.warmup_epochs = 10
    config.method = ConfigDict(
        {
            "name": "simclr",
            "hidden": 512,
            "out": 128,
            "layers": 2,
            "head_norm": True,
            "temperature": 0.5,
        }
    )
    strength = 0.5
    policy = common.view(
        size=32,
        jitter_probability=0.8,
        brightness=0.8 * strength,
        contrast=0.8 * strength,
        saturation=0.8 * strength,
        hue=0.2 * strength,
        grey=0.2,
    )
    config.augment.view0 = policy
    config.augment.view1 = policy.copy_and_resolve_references()
    return config


def digits() -> ConfigDict:
    config = common.digits(cifar("digits"))
    config.learning_rate = 2e-3
    config.optimizer.name = "adamw"
    config.method.hidden = 128
    config.method.out = 64
    return config
