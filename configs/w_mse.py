"""W-MSE (Ermolov et al., arXiv 2007.06346).

    python -m ssl_jax.main --config=w_mse    # digits
    python -m ssl_jax.main --config=w_mse:cifar10 --config.data.path=DIR

Where the settings come from, and the linear top-1 published with them:

  cifar10, cifar100         the official code's W-MSE 2 (github.com/htdt/self-supervised, README and
                            cfg.py): Adam 3e-3, 1000 epochs, 2 views; 91.55, 66.10. BA-SSL's Table 2
                            has 90.6 and 64.5 with --config.batch_size=256
  stl10                     its W-MSE 4: 2000 epochs, 4 views of 64 pixels; 91.75. It also trains on
                            the labelled images
  imagenet100               the paper (section 4.1): as its Tiny ImageNet, W-MSE 4 here, 240 epochs;
                            79.02. BA-SSL's Table 2 has 55.8
  imagenet                  the paper: SimCLR's settings with a learning rate of 0.075, read as
                            0.075 sqrt(batch), ResNet-50, 4 views, batch 1024 (MSBReg's Table 2);
                            69.3 after 100 epochs, 72.56 after 400. Head and whitening are not
                            given: two layers of 2048 and 128, sub-batches of 256

The official code changes colours before it crops.

Measured with this code: digits, seed 0, 80 s on one CPU core: kNN 97.22 %, linear 97.78 %
(experiments/ours/methods.py). See docs/results.md; no published recipe has been trained to its
end.
"""

from ml_collections import ConfigDict
from ssl_jax.configs import common, sources


def get_config(variant: str = "") -> ConfigDict:
    return common.choose(variant, VARIANTS)


def start(*, out: int, sub_batch: int) -> ConfigDict:
    config = common.base()
    config.method = ConfigDict(
        {"name": "w_mse", "hidden": 1024, "out": out, "sub_batch": sub_batch, "iterations": 1}
    )
    return config


def views(size: int, copies: int) -> ConfigDict:
    colours = common.moco_colours(grey=0.1, colours_first=True)
    crop = dict(crop_scale=(0.2, 1.0), interpolation="bicubic")
    return common.views(common.view(size=size, copies=copies, **crop, **colours))


def official_optimizer(config: ConfigDict, images: int) -> ConfigDict:
    """That of the official code; `images` make an epoch."""
    config.optimizer.name = "adam"
    config.optimizer.base_batch = 0
    config.optimizer.weight_decay = 1e-6
    config.optimizer.decay_all = True
    config.optimizer.warmup_epochs = 500 * config.batch_size / images
    config.optimizer.schedule = "drops"
    config.optimizer.drops_before_end = (50.0, 25.0)
    config.optimizer.drop_factor = 0.2
    return config


def cifar(name: str) -> ConfigDict:
    config = common.cifar(start(out=64, sub_batch=128), name)
    config.epochs = 1000
    config.batch_size = 512
    config.learning_rate = 3e-3
    config.augment = views(32, copies=2)
    return official_optimizer(config, images=50_000)


def stl10() -> ConfigDict:
    config = common.stl10(start(out=128, sub_batch=256))
    config.epochs = 2000
    config.learning_rate = 2e-3
    config.augment = views(64, copies=4)
    config.evaluation.crop = 64 / 70
    return official_optimizer(config, images=100_000)


def imagenet100() -> ConfigDict:
    config = common.imagenet(start(out=128, sub_batch=256))
    config.epochs = 240
    config.learning_rate = 2e-3
    config.augment = views(224, copies=4)
    return official_optimizer(config, images=126_000)


def imagenet() -> ConfigDict:
    config = common.imagenet(start(out=128, sub_batch=256))
    config.network.name = "resnet50"
    config.method.hidden = 2048
    config.epochs = 400
    config.batch_size = 1024
    config.learning_rate = 0.075 * 1024**0.5
    config.optimizer.base_batch = 1024
    config.optimizer.name = "lars_optax"
    config.optimizer.weight_decay = 1e-4
    config.optimizer.warmup_epochs = 10.0
    policy = common.simclr_colours(blur=0.5)
    config.augment = common.views(common.view(size=224, copies=4, **policy))
    return config


def digits() -> ConfigDict:
    config = common.digits(start(out=32, sub_batch=128))
    config.learning_rate = 2e-3
    config.optimizer.name = "adamw"
    config.method.hidden = 128
    return config


def tiny() -> ConfigDict:
    config = common.tiny(digits())
    config.method.update(hidden=8, out=4, sub_batch=8, iterations=2)
    return config


VARIANTS = {
    "digits": digits,
    "cifar10": lambda: cifar("cifar10"),
    "cifar100": lambda: cifar("cifar100"),
    "stl10": stl10,
    "imagenet100": imagenet100,
    "imagenet": imagenet,
    "tiny": tiny,
}

OFFICIAL = {
    **sources.jitter(0.4, 0.4, 0.1, grey=0.1, crop_scale=(0.2, 1.0)),
    **sources.views(colours_first=True, blur=0.0, interpolation="bicubic"),
    "optimizer.name": "adam",
    "optimizer.base_batch": 0,
    "optimizer.weight_decay": 1e-6,
    "optimizer.decay_all": True,
    "optimizer.schedule": "drops",
    "optimizer.drops_before_end": (50.0, 25.0),
    "optimizer.drop_factor": 0.2,
    "network.name": "resnet18",
    "method.hidden": 1024,
    "method.iterations": 1,
}
SOURCES = {
    ("cifar10", "cifar100"): {
        ("official code", "README and cfg.py: W-MSE 2"): {
            **OFFICIAL,
            **sources.views(size=32, copies=2),
            "epochs": 1000,
            "batch_size": 512,
            "learning_rate": 3e-3,
            "optimizer.warmup_epochs": 5.12,
            "method.out": 64,
            "method.sub_batch": 128,
        }
    },
    ("stl10",): {
        ("official code", "README and cfg.py: W-MSE 4"): {
            **OFFICIAL,
            **sources.views(size=64, copies=4),
            "epochs": 2000,
            "batch_size": 256,
            "learning_rate": 2e-3,
            "optimizer.warmup_epochs": 1.28,
            "network.stem": "small",
            "method.out": 128,
            "method.sub_batch": 256,
        },
        ("differs", "it trains on the labelled images as well"): {"data.holdout": 0.1},
    },
    ("imagenet100",): {
        ("paper", "section 4.1: as Tiny ImageNet, 240 epochs"): {
            **OFFICIAL,
            "epochs": 240,
            "batch_size": 256,
            "learning_rate": 2e-3,
            "method.out": 128,
            "method.sub_batch": 256,
        },
        ("ours", "W-MSE 4 at 224 pixels; 500 steps of 126,000 images"): {
            **sources.views(size=224, copies=4),
            "optimizer.warmup_epochs": 500 * 256 / 126_000,
        },
    },
    ("imagenet",): {
        ("paper", "section 4.1: SimCLR's settings, the rate read as 0.075 sqrt(batch)"): {
            **sources.SIMCLR_VIEWS,
            **sources.views(size=224, copies=4, blur=0.5),
            "epochs": 400,
            "learning_rate": 2.4,
            "optimizer.name": "lars_optax",
            "optimizer.weight_decay": 1e-4,
            "optimizer.warmup_epochs": 10.0,
            "network.name": "resnet50",
        },
        ("paper", "MSBReg, Table 2"): {"batch_size": 1024},
        ("ours", "head and whitening are not given"): {
            "method.hidden": 2048,
            "method.out": 128,
            "method.sub_batch": 256,
            "method.iterations": 1,
        },
    },
}
