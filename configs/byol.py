"""BYOL (Grill et al., arXiv 2006.07733).

    python -m ssl_jax.main --config=byol    # digits
    python -m ssl_jax.main --config=byol:cifar10 --config.data.path=DIR

Where the settings come from, and the linear top-1 published with them:

  cifar10, cifar100         solo-learn, scripts/pretrain/cifar/byol.yaml: 92.58, 70.46
  imagenet100               solo-learn, scripts/pretrain/imagenet-100/byol.yaml: 80.32
  stl10                     MSBReg (arXiv 2207.03552, section 7): 89.50. Its BYOL on ImageNet-100,
                            71.9, is a setting of msbreg.py: experiments/msbreg/table11.py
  imagenet                  the official repository's preset of 300 epochs, ResNet-50; MSBReg's
                            Table 7 has 65.9, 70.1 and 72.3 after 100, 200 and 300, its Table 2
                            66.5, 70.6 and 73.2 after 100, 200 and 400. The preset of 100 epochs has
                            learning rate 0.45. BA-SSL's Table 2 has 53.1 with
                            --config.network.name=resnet18 --config.batch_size=256
  imagenet_1000             the official preset of 1000 epochs: learning rate 0.2, weight decay
                            1.5e-6, momentum 0.996; 74.3
  tiny_imagenet, cifar10_multi_network, cifar100_multi_network
                            Multi-network (section 4.1), 200 epochs: 32.76, 85.58, 57.12; with the
                            official heads

BA-SSL's Table 2 has 91.9 on CIFAR-10, 69.2 on CIFAR-100 and 64.1 on ImageNet-100.

Measured with this code: digits, seed 0, 126 s on one CPU core: kNN 94.17 %, linear 92.78 %
(experiments/ours/methods.py). See docs/results.md; no published recipe has been trained to its
end.
"""

from ml_collections import ConfigDict
from ssl_jax.configs import common, msbreg, sources


def get_config(variant: str = "") -> ConfigDict:
    return common.choose(variant, VARIANTS)


def paper(**changes) -> ConfigDict:
    """The section `method`, with the official heads."""
    return ConfigDict(
        {
            "name": "byol",
            "hidden": 4096,
            "predictor_hidden": 4096,
            "out": 256,
            "momentum": 0.99,
            "momentum_schedule": "cosine",
            "head_norm": "batch",
            **changes,
        }
    )


def cifar(name: str) -> ConfigDict:
    config = common.solo_cifar(common.base(), name)
    config.learning_rate = 1.0
    config.optimizer.weight_decay = 1e-5
    config.method = paper()
    config.augment = common.byol_views(32, blur=False, interpolation="bicubic")
    return config


def imagenet100() -> ConfigDict:
    config = common.solo_imagenet100(common.base())
    config.learning_rate = 0.5
    config.optimizer.weight_decay = 1e-6
    config.method = paper(predictor_hidden=8192)
    config.augment = common.byol_views(224, interpolation="bicubic")
    return config


def stl10() -> ConfigDict:
    config = msbreg.stl10(views=2)
    config.method = paper(hidden=512, predictor_hidden=512, out=128)
    return config


def imagenet() -> ConfigDict:
    config = common.imagenet(common.base())
    config.epochs = 300
    config.batch_size = 4096
    config.learning_rate = 0.3
    config.optimizer.name = "lars"
    config.optimizer.weight_decay = 1e-6
    config.optimizer.warmup_epochs = 10
    config.network.name = "resnet50"
    config.network.zero_init_residual = True
    config.method = paper()
    config.augment = common.byol_views(224, interpolation="bicubic")
    return config


def imagenet_1000() -> ConfigDict:
    config = imagenet()
    config.epochs = 1000
    config.learning_rate = 0.2
    config.optimizer.weight_decay = 1.5e-6
    config.method.momentum = 0.996
    return config


def multi_network(config: ConfigDict, size: int) -> ConfigDict:
    config = common.multi_network(config)
    config.method = paper(momentum_schedule="constant")
    policy = common.view(size=size, copies=2, blur=0.5, **common.simclr_colours(0.5))
    config.augment = common.views(policy)
    return config


def digits() -> ConfigDict:
    config = common.digits(common.base())
    config.learning_rate = 2e-3
    config.optimizer.name = "adamw"
    config.optimizer.weight_decay = 1e-4
    config.method = paper(hidden=256, predictor_hidden=256, out=64)
    return config


def tiny() -> ConfigDict:
    config = common.tiny(digits())
    config.method.update(hidden=8, predictor_hidden=12, out=8)
    return config


VARIANTS = {
    "digits": digits,
    "cifar10": lambda: cifar("cifar10"),
    "cifar100": lambda: cifar("cifar100"),
    "imagenet100": imagenet100,
    "stl10": stl10,
    "imagenet": imagenet,
    "imagenet_1000": imagenet_1000,
    "tiny_imagenet": lambda: multi_network(common.tiny_imagenet(common.base()), 64),
    "cifar10_multi_network": lambda: multi_network(common.cifar(common.base(), "cifar10"), 32),
    "cifar100_multi_network": lambda: multi_network(common.cifar(common.base(), "cifar100"), 32),
    "tiny": tiny,
}

MULTI_NETWORK = {
    **sources.MULTI_NETWORK,
    ("paper", "Multi-network, section 4.1: m of all methods"): {
        "method.momentum": 0.99,
        "method.momentum_schedule": "constant",
    },
    ("official code", "byol, heads of byol_experiment.py"): {
        "method.hidden": 4096,
        "method.predictor_hidden": 4096,
        "method.out": 256,
    },
}
OFFICIAL = {
    **sources.LARS,
    **sources.BYOL_VIEWS,
    **sources.BYOL_BLUR,
    **sources.views(size=224, interpolation="bicubic"),
    "batch_size": 4096,
    "optimizer.final_rate": 0.0,
    "network.name": "resnet50",
    "network.zero_init_residual": True,
    "method.hidden": 4096,
    "method.predictor_hidden": 4096,
    "method.out": 256,
    "method.momentum_schedule": "cosine",
    "method.head_norm": "batch",
}
START = {("differs", "the official target starts from weights of its own, ours from a copy"): {}}
SOURCES = {
    ("cifar10", "cifar100"): {
        ("recipe", "solo-learn, scripts/pretrain/cifar/byol.yaml"): {
            **sources.SOLO_CIFAR,
            **sources.SOLO_LARS,
            **sources.BYOL_VIEWS,
            **sources.views(size=32, blur=0.0),
            "learning_rate": 1.0,
            "optimizer.weight_decay": 1e-5,
            "method.hidden": 4096,
            "method.predictor_hidden": 4096,
            "method.out": 256,
            "method.momentum": 0.99,
            "method.momentum_schedule": "cosine",
        }
    },
    ("imagenet100",): {
        ("recipe", "solo-learn, scripts/pretrain/imagenet-100/byol.yaml"): {
            **sources.SOLO_IMAGENET100,
            **sources.SOLO_LARS,
            **sources.BYOL_VIEWS,
            **sources.BYOL_BLUR,
            **sources.views(size=224),
            "learning_rate": 0.5,
            "optimizer.weight_decay": 1e-6,
            "method.hidden": 4096,
            "method.predictor_hidden": 8192,
            "method.out": 256,
            "method.momentum": 0.99,
            "method.momentum_schedule": "cosine",
        }
    },
    ("stl10",): {
        **msbreg.published(0.5, 2),
        **msbreg.HEADS,
        **msbreg.STL10,
        ("paper", "MSBReg, section 7.2: all heads"): {"method.predictor_hidden": 512},
    },
    ("imagenet",): {
        ("official code", "byol, byol_experiment.py and configs/byol.py, 300 epochs"): {
            **OFFICIAL,
            "epochs": 300,
            "learning_rate": 0.3,
            "optimizer.weight_decay": 1e-6,
            "method.momentum": 0.99,
        },
        **START,
    },
    ("imagenet_1000",): {
        ("official code", "byol, byol_experiment.py and configs/byol.py, 1000 epochs"): {
            **OFFICIAL,
            "epochs": 1000,
            "learning_rate": 0.2,
            "optimizer.weight_decay": 1.5e-6,
            "method.momentum": 0.996,
        },
        **START,
    },
    ("tiny_imagenet", "cifar10_multi_network", "cifar100_multi_network"): MULTI_NETWORK,
}
