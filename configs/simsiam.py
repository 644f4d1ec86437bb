"""SimSiam (Chen and He, arXiv 2011.10566).

    python -m ssl_jax.main --config=simsiam    # digits
    python -m ssl_jax.main --config=simsiam:cifar10 --config.data.path=DIR

Where the settings come from, and the linear top-1 published with them:

  cifar10, cifar100         solo-learn, scripts/pretrain/cifar/simsiam.yaml: 90.51, 66.04
  imagenet100               solo-learn, scripts/pretrain/imagenet-100/simsiam.sh (the yaml that
                            followed it names two augmentations): 78.72
  imagenet                  the official repository, ResNet-50, 100 epochs: 68.1. MSBReg's Table 2
                            has 68.1, 70.0 and 70.8 after 100, 200 and 400; BA-SSL's Table 2 has
                            33.2 with --config.network.name=resnet18 --config.batch_size=256
  tiny_imagenet, cifar10_multi_network, cifar100_multi_network
                            Multi-network (section 4.1), 200 epochs: 25.28, 84.16, 48.19; with the
                            heads of the others

BA-SSL's Table 2 has 91.2 on CIFAR-10, 64.4 on CIFAR-100 and 62.5 on ImageNet-100.

Measured with this code: digits, seed 0, 77 s on one CPU core: kNN 95.56 %, linear 95.28 %
(experiments/ours/methods.py). See docs/results.md; no published recipe has been trained to its
end.
"""

from ml_collections import ConfigDict
from ssl_jax.configs import common, sources


def get_config(variant: str = "") -> ConfigDict:
    return common.choose(variant, VARIANTS)


def paper() -> ConfigDict:
    """The section `method`, the same in all three sources."""
    return ConfigDict(
        {
            "name": "simsiam",
            "hidden": 2048,
            "out": 2048,
            "projector_layers": 3,
            "predictor_hidden": 512,
        }
    )


def cifar(name: str) -> ConfigDict:
    config = solo(common.solo_cifar(common.base(), name))
    # The blur there is by the width alone; a tenth of 32 pixels would cut it.
    policy = dict(size=32, copies=2, interpolation="bicubic", blur=0.5, blur_kernel=13)
    config.augment = common.views(common.view(**policy, **common.moco_colours()))
    return config


def imagenet100() -> ConfigDict:
    config = solo(common.solo_imagenet100(common.base()))
    config.network.zero_init_residual = True
    policy = dict(size=224, copies=2, interpolation="bicubic", blur=0.5)
    config.augment = common.views(common.view(**policy, **common.moco_colours()))
    return config


def solo(config: ConfigDict) -> ConfigDict:
    config.learning_rate = 0.5
    config.optimizer.name = "sgd"
    config.optimizer.weight_decay = 1e-5
    config.optimizer.decay_all = True
    config.method = paper()
    return config


def imagenet() -> ConfigDict:
    config = common.imagenet(common.base())
    config.epochs = 100
    config.batch_size = 512
    config.learning_rate = 0.05
    config.optimizer.weight_decay = 1e-4
    config.optimizer.decay_all = True
    config.network.name = "resnet50"
    config.network.zero_init_residual = True
    config.method = paper()
    policy = dict(size=224, copies=2, crop_scale=(0.2, 1.0), blur=0.5)
    config.augment = common.views(common.view(**policy, **common.moco_colours()))
    return config


def multi_network(config: ConfigDict, size: int) -> ConfigDict:
    config = common.multi_network(config)
    config.method = paper()
    policy = common.view(size=size, copies=2, blur=0.5, **common.simclr_colours(0.5))
    config.augment = common.views(policy)
    return config


def digits() -> ConfigDict:
    config = common.digits(common.base())
    config.learning_rate = 2e-3
    config.optimizer.name = "adamw"
    config.optimizer.weight_decay = 1e-4
    config.method = paper()
    config.method.hidden = 128
    config.method.out = 64
    config.method.projector_layers = 2
    config.method.predictor_hidden = 32
    return config


def tiny() -> ConfigDict:
    config = common.tiny(digits())
    config.method.update(hidden=8, out=8, predictor_hidden=8)
    return config


VARIANTS = {
    "digits": digits,
    "cifar10": lambda: cifar("cifar10"),
    "cifar100": lambda: cifar("cifar100"),
    "imagenet100": imagenet100,
    "imagenet": imagenet,
    "tiny_imagenet": lambda: multi_network(common.tiny_imagenet(common.base()), 64),
    "cifar10_multi_network": lambda: multi_network(common.cifar(common.base(), "cifar10"), 32),
    "cifar100_multi_network": lambda: multi_network(common.cifar(common.base(), "cifar100"), 32),
    "tiny": tiny,
}

SOLO = {
    **sources.SOLO_SGD,
    **sources.MOCO_VIEWS,
    **sources.MOCO_BLUR,
    "learning_rate": 0.5,
    "optimizer.weight_decay": 1e-5,
    "method.hidden": 2048,
    "method.out": 2048,
    "method.predictor_hidden": 512,
}
HEADS = {
    "method.hidden": 2048,
    "method.out": 2048,
    "method.projector_layers": 3,
    "method.predictor_hidden": 512,
}
SOURCES = {
    ("cifar10", "cifar100"): {
        ("recipe", "solo-learn, scripts/pretrain/cifar/simsiam.yaml"): {
            **sources.SOLO_CIFAR,
            **SOLO,
            **sources.views(size=32),
        },
        ("recipe", "solo-learn: PIL's blur, which is not cut off"): sources.views(blur_kernel=13),
    },
    ("imagenet100",): {
        ("recipe", "solo-learn, scripts/pretrain/imagenet-100/simsiam.sh"): {
            **sources.SOLO_IMAGENET100,
            **SOLO,
            **sources.views(size=224),
            "network.zero_init_residual": True,
        }
    },
    ("imagenet",): {
        ("official code", "simsiam, main_simsiam.py and README: 100 epochs"): {
            **sources.SGD,
            **sources.MOCO_VIEWS,
            **sources.MOCO_BLUR,
            **sources.views(size=224, crop_scale=(0.2, 1.0)),
            **HEADS,
            "epochs": 100,
            "batch_size": 512,
            "learning_rate": 0.05,
            "optimizer.base_batch": 256,
            "optimizer.weight_decay": 1e-4,
            "optimizer.schedule": "cosine",
            "optimizer.warmup_epochs": 0.0,
            "network.name": "resnet50",
            "network.zero_init_residual": True,
        }
    },
    ("tiny_imagenet", "cifar10_multi_network", "cifar100_multi_network"): {
        **sources.MULTI_NETWORK,
        ("official code", "simsiam, builder.py"): HEADS,
    },
}
