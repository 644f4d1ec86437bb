"""DINO (Caron et al., arXiv 2104.14294).

    python -m ssl_jax.main --config=dino    # digits
    python -m ssl_jax.main --config=dino:cifar10 --config.data.path=DIR

Where the settings come from, and the top-1 of solo-learn's online classifier with them:

  cifar10, cifar100         solo-learn, scripts/pretrain/cifar/dino.yaml: LARS 0.3, two views, 4096
                            outputs, teacher momentum 0.9995, 1000 epochs; 89.52 and 66.76
  imagenet100               solo-learn, scripts/pretrain/imagenet-100/dino.yaml, 400 epochs; the
                            teacher's temperature rises for 50 epochs: 74.84
  imagenet100_vit           solo-learn, dino_vit.yaml there: ViT-Tiny, AdamW, 65536 outputs: 63.04.
                            Its last layer learns magnitudes; ours are fixed at 1
  imagenet                  the official code (github.com/facebookresearch/dino, README): ViT-S/16,
                            AdamW, weight decay from 0.04 to 0.4, 2 views of 224 and 8 of 96 pixels,
                            batch 512, 100 epochs: 74.0 linear, 69.3 kNN. Its student has stochastic
                            depth of 0.1, ours has none
  imagenet_resnet50         its command for a ResNet-50: SGD 0.03, 100 epochs; none published

On digits the head has BatchNorm and the teacher a lower temperature. Without them it collapses:
all outputs become equally likely.

Measured with this code: digits, seed 0, 92 s on two CPU cores: kNN 91.67 %, linear 92.78 %
(experiments/ours/methods.py). See docs/results.md; no published recipe has been trained to its
end.
"""

from ml_collections import ConfigDict
from ssl_jax.configs import common, sources


def get_config(variant: str = "") -> ConfigDict:
    return common.choose(variant, VARIANTS)


def start() -> ConfigDict:
    config = common.base()
    config.method = ConfigDict(
        {
            "name": "dino",
            "hidden": 2048,
            "bottleneck": 256,
            "out": 4096,
            "head_norm": "none",
            "student_temperature": 0.1,
            "teacher_temperature": 0.07,
            "warmup_teacher_temperature": 0.04,
            "teacher_warmup": 0.0,
            "momentum": 0.9995,
        }
    )
    config.optimizer.freeze_epochs = 1.0
    return config


def cifar(name: str) -> ConfigDict:
    config = common.solo_cifar(start(), name)
    config.learning_rate = 0.3
    config.optimizer.weight_decay = 1e-6
    config.augment = common.byol_views(32, blur=False, interpolation="bicubic")
    return config


def imagenet100() -> ConfigDict:
    config = common.solo_imagenet100(start())
    config.learning_rate = 0.3
    config.optimizer.weight_decay = 1e-6
    config.method.teacher_warmup = 50 / config.epochs
    config.augment = common.byol_views(224, interpolation="bicubic")
    return config


def imagenet100_vit() -> ConfigDict:
    config = imagenet100()
    config.network.name = "vit_tiny"
    config.network.positions = "learned"
    config.learning_rate = 5e-3
    config.optimizer.name = "adamw"
    config.optimizer.weight_decay = 1e-4
    config.method.out = 65536
    config.method.teacher_warmup = 0.0
    return config


def imagenet() -> ConfigDict:
    config = common.imagenet(start())
    config.epochs = 100
    config.batch_size = 512
    config.learning_rate = 5e-4
    config.optimizer.name = "adamw"
    config.optimizer.weight_decay = 0.04
    config.optimizer.final_decay = 10.0
    config.optimizer.warmup_epochs = 10.0
    config.optimizer.final_rate = 1e-6 / (2 * config.learning_rate)
    config.optimizer.clip_each_norm = 3.0
    config.network.name = "vit_small"
    config.network.positions = "learned"
    config.method.out = 65536
    config.method.teacher_temperature = 0.04
    config.method.momentum = 0.996
    config.augment = crops(0.4, 0.05)
    return config


def imagenet_resnet50() -> ConfigDict:
    config = imagenet()
    config.learning_rate = 0.03
    config.optimizer.name = "sgd"
    config.optimizer.weight_decay = 1e-4
    config.optimizer.final_decay = 1.0
    config.optimizer.final_rate = 1e-6 / (2 * config.learning_rate)
    config.network.name = "resnet50"
    config.network.positions = "sincos"
    config.augment = crops(0.14, 0.05)
    return config


def crops(between: float, least: float) -> ConfigDict:
    """Two large views of at least the share `between` of the image, eight small ones of less."""
    large = common.byol_views(224, interpolation="bicubic", crop_scale=(between, 1.0))
    small = dict(size=96, copies=8, interpolation="bicubic", crop_scale=(least, between), blur=0.5)
    return common.views(*large.values(), common.view(**small, **common.byol_colours()))


def digits() -> ConfigDict:
    config = common.digits(start())
    config.learning_rate = 2e-3
    config.optimizer.name = "adamw"
    config.method.hidden = 128
    config.method.bottleneck = 32
    config.method.out = 128
    config.method.head_norm = "batch"
    config.method.teacher_temperature = 0.04
    config.method.momentum = 0.996
    return config


def tiny() -> ConfigDict:
    config = common.tiny(digits())
    config.method.update(hidden=8, bottleneck=8, out=16)
    config.augment = common.views(common.tiny_view(copies=2), common.tiny_view(size=4))
    return config


VARIANTS = {
    "digits": digits,
    "cifar10": lambda: cifar("cifar10"),
    "cifar100": lambda: cifar("cifar100"),
    "imagenet100": imagenet100,
    "imagenet100_vit": imagenet100_vit,
    "imagenet": imagenet,
    "imagenet_resnet50": imagenet_resnet50,
    "tiny": tiny,
}

METHOD = {
    "method.hidden": 2048,
    "method.bottleneck": 256,
    "method.head_norm": "none",
    "method.student_temperature": 0.1,
    "method.warmup_teacher_temperature": 0.04,
    "optimizer.freeze_epochs": 1.0,
}
SOLO = {
    **METHOD,
    **sources.BYOL_VIEWS,
    "optimizer.momentum": 0.9,
    "method.teacher_temperature": 0.07,
    "method.momentum": 0.9995,
}
OFFICIAL = {
    **METHOD,
    **sources.without(sources.BYOL_VIEWS, "crop_scale"),
    **sources.BYOL_BLUR,
    **sources.views(interpolation="bicubic"),
    **sources.views("view0", size=224),
    **sources.views("view1", size=224),
    **sources.views("view2", size=96, copies=8, blur=0.5, solarize=0.0),
    "epochs": 100,
    "batch_size": 512,
    "optimizer.base_batch": 256,
    "optimizer.decay_all": False,
    "optimizer.warmup_epochs": 10.0,
    "optimizer.schedule": "cosine",
    "optimizer.clip_each_norm": 3.0,
    "method.out": 65536,
    "method.teacher_temperature": 0.04,
    "method.teacher_warmup": 0.0,
    "method.momentum": 0.996,
}
HEAD = {("differs", "the head starts from a normal distribution of width 0.02 there"): {}}
SOURCES = {
    ("cifar10", "cifar100"): {
        ("recipe", "solo-learn, scripts/pretrain/cifar/dino.yaml"): {
            **sources.SOLO_CIFAR,
            **sources.SOLO_LARS,
            **SOLO,
            **sources.views(size=32, blur=0.0),
            "learning_rate": 0.3,
            "optimizer.weight_decay": 1e-6,
            "method.out": 4096,
            "method.teacher_warmup": 0.0,
        }
    },
    ("imagenet100",): {
        ("recipe", "solo-learn, scripts/pretrain/imagenet-100/dino.yaml"): {
            **sources.SOLO_IMAGENET100,
            **sources.SOLO_LARS,
            **SOLO,
            **sources.BYOL_BLUR,
            **sources.views(size=224),
            "learning_rate": 0.3,
            "optimizer.weight_decay": 1e-6,
            "method.out": 4096,
            "method.teacher_warmup": 50 / 400,
        }
    },
    ("imagenet100_vit",): {
        ("recipe", "solo-learn, scripts/pretrain/imagenet-100/dino_vit.yaml"): {
            **sources.without(sources.SOLO_IMAGENET100, "network.name", "network.stem"),
            **SOLO,
            **sources.BYOL_BLUR,
            **sources.views(size=224),
            "learning_rate": 5e-3,
            "optimizer.name": "adamw",
            "optimizer.weight_decay": 1e-4,
            "network.name": "vit_tiny",
            "network.positions": "learned",
            "method.out": 65536,
            "method.teacher_warmup": 0.0,
        },
        ("differs", "PyTorch's AdamW there decays biases and norms as well"): {
            "optimizer.decay_all": False,
        },
        ("differs", "the last layer learns magnitudes there; they are 1 here"): {},
    },
    ("imagenet",): {
        ("official code", "dino, README and main_dino.py: ViT-S/16, 100 epochs"): {
            **OFFICIAL,
            **sources.views("view0", crop_scale=(0.4, 1.0)),
            **sources.views("view1", crop_scale=(0.4, 1.0)),
            **sources.views("view2", crop_scale=(0.05, 0.4)),
            "learning_rate": 5e-4,
            "optimizer.name": "adamw",
            "optimizer.weight_decay": 0.04,
            "optimizer.final_decay": 10.0,
            "optimizer.final_rate": 0.001,
            "network.name": "vit_small",
            "network.positions": "learned",
        },
        ("differs", "the student has stochastic depth of 0.1 there, none here"): {},
        **HEAD,
    },
    ("imagenet_resnet50",): {
        ("official code", "dino, README and main_dino.py: ResNet-50, 100 epochs"): {
            **OFFICIAL,
            **sources.views("view0", crop_scale=(0.14, 1.0)),
            **sources.views("view1", crop_scale=(0.14, 1.0)),
            **sources.views("view2", crop_scale=(0.05, 0.14)),
            "learning_rate": 0.03,
            "optimizer.name": "sgd",
            "optimizer.momentum": 0.9,
            "optimizer.weight_decay": 1e-4,
            "optimizer.final_decay": 1.0,
            "optimizer.final_rate": 1e-6 / 0.06,
            "network.name": "resnet50",
        },
        **HEAD,
    },
}
