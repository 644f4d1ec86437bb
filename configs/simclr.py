"""SimCLR (Chen et al., arXiv 2002.05709).

    python -m ssl_jax.main --config=simclr    # digits
    python -m ssl_jax.main --config=simclr:cifar10 --config.data.path=DIR

Where the settings come from, and the linear top-1 published with them:

  cifar10, cifar100         the official repository's CIFAR-10 command: LARS (its TensorFlow form)
                            with 1.0 x batch / 256, temperature 0.5, jitter strength 0.5, no blur,
                            1000 epochs; CIFAR-10 about 91
  imagenet100               solo-learn, scripts/pretrain/imagenet-100/simclr.yaml: 77.64
  stl10                     the code of W-MSE (github.com/htdt/self-supervised), whose 90.51 MSBReg
                            quotes: Adam, 2000 epochs, views of 64 pixels; it also trains on the
                            labelled images
  imagenet                  the paper, ResNet-50, 100 epochs: 64.5. MSBReg's Table 2 quotes 66.5,
                            with 200 and 400 epochs 68.3 and 69.8; BA-SSL's Table 2 has 52.4 with
                            --config.network.name=resnet18 --config.batch_size=256
  tiny_imagenet, cifar10_multi_network, cifar100_multi_network
                            Multi-network (section 4.1), 200 epochs: 31.39, 87.11, 59.20. Its
                            temperature of 1 is read as that of all methods; the head is the
                            official CIFAR command's

BA-SSL's Table 2 has 91.1 on CIFAR-10, 65.3 on CIFAR-100 and 62.1 on ImageNet-100.

Measured with this code: digits, seed 0, 80 s on one CPU core: kNN 96.67 %, linear 97.22 %
(experiments/ours/methods.py). See docs/results.md; no published recipe has been trained to its
end.
"""

from ml_collections import ConfigDict
from ssl_jax.configs import common, sources


def get_config(variant: str = "") -> ConfigDict:
    return common.choose(variant, VARIANTS)


def head(hidden: int, out: int, temperature: float, norm: str = "batch") -> ConfigDict:
    """The section `method`: a projector of two layers."""
    return ConfigDict(
        {
            "name": "simclr",
            "hidden": hidden,
            "out": out,
            "layers": 2,
            "head_norm": norm,
            "temperature": temperature,
        }
    )


def cifar(name: str) -> ConfigDict:
    config = common.cifar(common.base(), name)
    config.epochs = 1000
    config.batch_size = 512
    config.learning_rate = 1.0
    config.optimizer.name = "lars_optax"
    config.optimizer.weight_decay = 1e-4
    config.optimizer.warmup_epochs = 10
    config.method = head(512, 128, 0.5)
    config.augment = common.views(common.view(size=32, copies=2, **common.simclr_colours(0.5)))
    return config


def imagenet100() -> ConfigDict:
    config = common.solo_imagenet100(common.base())
    config.learning_rate = 0.3
    config.optimizer.weight_decay = 1e-4
    config.method = head(4096, 512, 0.2, norm="none")
    policy = dict(size=224, copies=2, interpolation="bicubic", blur=0.5)
    config.augment = common.views(common.view(**policy, **common.simclr_colours()))
    return config


def stl10() -> ConfigDict:
    config = common.stl10(common.base())
    config.epochs = 2000
    config.batch_size = 512
    config.learning_rate = 2e-3
    config.optimizer.name = "adam"
    config.optimizer.base_batch = 0
    config.optimizer.weight_decay = 1e-6
    config.optimizer.decay_all = True
    config.optimizer.warmup_epochs = 500 * 512 / 100_000  # 500 steps
    config.optimizer.schedule = "drops"
    config.optimizer.drops_before_end = (50, 25)
    config.optimizer.drop_factor = 0.2
    config.evaluation.crop = 64 / 70
    config.method = head(1024, 128, 0.5)
    policy = common.view(
        size=64,
        copies=2,
        crop_scale=(0.2, 1.0),
        interpolation="bicubic",
        colours_first=True,
        **common.moco_colours(grey=0.1),
    )
    config.augment = common.views(policy)
    return config


def imagenet() -> ConfigDict:
    config = common.imagenet(common.base())
    config.epochs = 100
    config.batch_size = 4096
    config.learning_rate = 0.3
    config.optimizer.name = "lars_optax"
    config.optimizer.weight_decay = 1e-6
    config.optimizer.warmup_epochs = 10
    config.network.name = "resnet50"
    config.network.zero_init_residual = True
    config.method = head(2048, 128, 0.1)
    policy = common.view(size=224, copies=2, blur=0.5, **common.simclr_colours())
    config.augment = common.views(policy)
    return config


def multi_network(config: ConfigDict, size: int) -> ConfigDict:
    config = common.multi_network(config)
    config.method = head(512, 128, 1.0)
    policy = common.view(size=size, copies=2, blur=0.5, **common.simclr_colours(0.5))
    config.augment = common.views(policy)
    return config


def digits() -> ConfigDict:
    config = common.digits(cifar("digits"))
    config.learning_rate = 2e-3
    config.optimizer.name = "adamw"
    config.method = head(128, 64, 0.5)
    return config


def tiny() -> ConfigDict:
    config = common.tiny(digits())
    config.method.update(hidden=8, out=8)
    return config


VARIANTS = {
    "digits": digits,
    "cifar10": lambda: cifar("cifar10"),
    "cifar100": lambda: cifar("cifar100"),
    "imagenet100": imagenet100,
    "stl10": stl10,
    "imagenet": imagenet,
    "tiny_imagenet": lambda: multi_network(common.tiny_imagenet(common.base()), 64),
    "cifar10_multi_network": lambda: multi_network(common.cifar(common.base(), "cifar10"), 32),
    "cifar100_multi_network": lambda: multi_network(common.cifar(common.base(), "cifar100"), 32),
    "tiny": tiny,
}

CIFAR = {
    **sources.jitter(0.4, 0.4, 0.1),
    **sources.views(size=32, blur=0.0),
    "epochs": 1000,
    "batch_size": 512,
    "learning_rate": 1.0,
    "optimizer.name": "lars_optax",
    "optimizer.base_batch": 256,
    "optimizer.momentum": 0.9,
    "optimizer.trust_coefficient": 0.001,
    "optimizer.decay_all": False,
    "optimizer.weight_decay": 1e-4,
    "optimizer.warmup_epochs": 10,
    "optimizer.schedule": "cosine",
    "network.name": "resnet18",
    "method.hidden": 512,
    "method.out": 128,
    "method.temperature": 0.5,
}
SOURCES = {
    ("cifar10", "cifar100"): {
        ("official code", "simclr, README: CIFAR-10 with ResNet-18"): CIFAR,
        ("differs", "three layers in its second version, whose last has a BatchNorm too"): {
            "method.layers": 2,
        },
    },
    ("imagenet100",): {
        ("recipe", "solo-learn, scripts/pretrain/imagenet-100/simclr.yaml"): {
            **sources.SOLO_IMAGENET100,
            **sources.SOLO_LARS,
            **sources.SIMCLR_VIEWS,
            **sources.views(size=224, blur=0.5),
            "learning_rate": 0.3,
            "optimizer.weight_decay": 1e-4,
            "method.hidden": 4096,
            "method.out": 512,
            "method.layers": 2,
            "method.head_norm": "none",
            "method.temperature": 0.2,
        }
    },
    ("stl10",): {
        ("recipe", "the code of W-MSE, README and cfg.py: its SimCLR"): {
            **sources.jitter(0.4, 0.4, 0.1, grey=0.1, crop_scale=(0.2, 1.0)),
            **sources.views(size=64, colours_first=True, blur=0.0, interpolation="bicubic"),
            "epochs": 2000,
            "batch_size": 512,
            "learning_rate": 2e-3,
            "optimizer.name": "adam",
            "optimizer.base_batch": 0,
            "optimizer.weight_decay": 1e-6,
            "optimizer.decay_all": True,
            "optimizer.warmup_epochs": 2.56,
            "optimizer.schedule": "drops",
            "optimizer.drops_before_end": (50, 25),
            "optimizer.drop_factor": 0.2,
            "network.name": "resnet18",
            "network.stem": "small",
            "method.hidden": 1024,
            "method.out": 128,
            "method.temperature": 0.5,
        },
        ("differs", "it trains on the labelled images as well"): {"data.holdout": 0.1},
    },
    ("imagenet",): {
        ("paper", "sections 2.2 and 4.2, appendices A and B.9: 100 epochs"): {
            **sources.SIMCLR_VIEWS,
            **sources.views(size=224, blur=0.5),
            "epochs": 100,
            "batch_size": 4096,
            "learning_rate": 0.3,
            "optimizer.name": "lars_optax",
            "optimizer.base_batch": 256,
            "optimizer.weight_decay": 1e-6,
            "optimizer.decay_all": False,
            "optimizer.warmup_epochs": 10,
            "optimizer.schedule": "cosine",
            "network.name": "resnet50",
            "method.layers": 2,
            "method.hidden": 2048,
            "method.out": 128,
            "method.temperature": 0.1,
        }
    },
    ("tiny_imagenet", "cifar10_multi_network", "cifar100_multi_network"): {
        **sources.MULTI_NETWORK,
        ("paper", "Multi-network, section 4.1: of all methods"): {"method.temperature": 1.0},
        ("official code", "simclr, README: CIFAR-10 with ResNet-18"): {
            "method.hidden": 512,
            "method.out": 128,
        },
    },
}
