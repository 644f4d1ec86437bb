"""What every config starts from, and settings of data sets that several papers share.

A config is a function from the name of a variant to a ConfigDict: `--config=ba_moco:cifar10` is
`get_config("cifar10")` of ba_moco.py. Any key can be overridden: `--config.epochs=5`.
"""

from collections.abc import Callable, Mapping

from ml_collections import ConfigDict

from ssl_jax.errors import UserError

Variants = Mapping[str, Callable[[], ConfigDict]]


def base() -> ConfigDict:
    """Every key that a run understands, with neutral values; see `setup.defaults.base`."""
    # Late: `--help` lists configs and their variants without jax.
    from ssl_jax.setup import defaults

    return defaults.base()


def view(**changes) -> ConfigDict:
    """One augmentation policy (`augment.policy.ViewSpec`); several views if `copies` says so."""
    from ssl_jax.setup import defaults

    return defaults.view(**changes)


def choose(variant: str, variants: Variants) -> ConfigDict:
    """The config that `variant` names; "" is the first one.

    Raises:
      UserError: for an unknown name.
    """
    name = variant or next(iter(variants))
    if name not in variants:
        known = ", ".join(variants)
        raise UserError(f"this config has no variant {variant!r}; it has {known}")
    return variants[name]()


def changed(variants: Variants, change: Callable[[ConfigDict], ConfigDict]) -> Variants:
    """The same variants, each with the change."""
    return {name: lambda make=make: change(make()) for name, make in variants.items()}


def fused(config: ConfigDict) -> ConfigDict:
    """Batch fusion in front."""
    config.fusion.enabled = True
    return config


def views(*policies: ConfigDict) -> ConfigDict:
    """The section `augment` of a config: these views in this order."""
    return ConfigDict({f"view{index}": policy for index, policy in enumerate(policies)})


def simclr_colours(strength: float = 1.0, **changes) -> dict:
    """The colour part of SimCLR's augmentation (arXiv 2002.05709, appendix A), without blur."""
    return {
        "jitter_probability": 0.8,
        "brightness": 0.8 * strength,
        "contrast": 0.8 * strength,
        "saturation": 0.8 * strength,
        "hue": 0.2 * strength,
        "grey": 0.2,
        **changes,
    }


def moco_colours(**changes) -> dict:
    """The colour part of MoCo v2's augmentation (arXiv 2003.04297), without blur."""
    return {
        "jitter_probability": 0.8,
        "brightness": 0.4,
        "contrast": 0.4,
        "saturation": 0.4,
        "hue": 0.1,
        "grey": 0.2,
        **changes,
    }


def byol_colours(**changes) -> dict:
    """The colour part of BYOL's augmentation (arXiv 2006.07733, Table 6), MoCo v3's as well."""
    return {**moco_colours(saturation=0.2), **changes}


def byol_views(size: int, *, blur: bool = True, **changes) -> ConfigDict:
    """BYOL's two unlike views: the first always blurred, the second solarized at times."""
    policy = {"size": size, **byol_colours(), **changes}
    first, second = ({"blur": 1.0}, {"blur": 0.1}) if blur else ({}, {})
    return views(view(**policy, **first), view(**policy, **second, solarize=0.2))


def digits(config: ConfigDict) -> ConfigDict:
    """Scikit-learn's 1,797 handwritten digits, grey; nothing is downloaded.

    Crops are taken from the images of 8 pixels, which stay on the device. No flips and no hue: a
    mirrored digit is a different sign, and there is no colour.
    """
    config.data.name = "digits"
    config.data.holdout = 0.15
    config.epochs = 40
    config.batch_size = 128
    config.network.width = 16
    config.network.stages = (1, 1, 1)
    config.optimizer.base_batch = 0
    config.optimizer.warmup_epochs = 5.0
    config.augment = views(view(**digit_view()), view(**digit_view()))
    config.fusion.patch_size = 4
    return config


def digit_view(**changes) -> dict:
    """The augmentation of a digit, enlarged to 16 pixels."""
    return {
        "size": 16,
        "crop_scale": (0.4, 1.0),
        "flip": 0.0,
        "jitter_probability": 0.8,
        "brightness": 0.4,
        "contrast": 0.4,
        **changes,
    }


def tiny(config: ConfigDict) -> ConfigDict:
    """A digits config at the smallest size that still runs all of it, for tests."""
    config.epochs = 1
    config.batch_size = 16
    config.data.limit = 64
    config.optimizer.warmup_epochs = 0.0
    config.optimizer.freeze_epochs = 0.0
    config.probe_every_epochs = 1
    config.checkpoint_every_epochs = 1
    config.log_every_steps = 2
    config.network.width = 4
    if config.network.name.startswith("resnet"):
        config.network.stages = (1, 1)
    else:
        config.network.update(width=8, depth=1, heads=2, patch_size=2)
    for policy in config.augment.values():
        policy.size //= 2
    return config


def tiny_view(**changes) -> ConfigDict:
    """A view of a digit of 8 pixels."""
    return view(**digit_view(**{"size": 8, **changes}))


def cifar(config: ConfigDict, name: str) -> ConfigDict:
    """CIFAR-10 or CIFAR-100; ResNet-18 with the 3x3 stem.

    Crops are taken from the images of 32 pixels, which stay on the device.
    """
    config.data.name = name
    config.data.holdout = 0.02
    config.fusion.patch_size = 4
    config.log_every_steps = 100
    return config


def tiny_imagenet(config: ConfigDict) -> ConfigDict:
    """Tiny ImageNet, `data.path` the official folder; 3x3 stem.

    Crops are taken from the images of 64 pixels, which stay on the device where they fit.
    """
    config.data.name = "tiny_imagenet"
    config.data.holdout = 0.02
    config.fusion.patch_size = 8
    config.log_every_steps = 100
    return config


def stl10(config: ConfigDict) -> ConfigDict:
    """STL-10, pre-training on its 100,000 unlabelled images.

    Crops are taken from the images of 96 pixels, which stay on the device where they fit. 3x3 stem
    and max-pooling, as in the code of W-MSE, whose numbers MSBReg compares with.
    """
    config.data.name = "stl10"
    config.data.holdout = 0.1  # of the 5,000 labelled images
    config.network.stem = "small"
    config.fusion.patch_size = 8
    config.log_every_steps = 100
    return config


def imagenet(config: ConfigDict) -> ConfigDict:
    """An ImageNet-like folder, `data.path` with train/ and val/; views of 224 pixels.

    Crops are taken from whole images at their own resolution. Evaluation takes the central 224
    pixels of a short side of 256.
    """
    config.data.name = "folder"
    config.data.image_size = 256
    config.data.holdout = 0.01
    config.evaluation.crop = 0.875
    config.network.stem = "imagenet"
    config.network.mean = (0.485, 0.456, 0.406)
    config.network.std = (0.229, 0.224, 0.225)
    config.fusion.patch_size = 16
    config.log_every_steps = 100
    return config


def solo_cifar(config: ConfigDict, name: str) -> ConfigDict:
    """What solo-learn's CIFAR recipes share (scripts/pretrain/cifar, 1000 epochs, LARS).

    github.com/vturrisi/solo-learn, MIT licence. Its stem is padded by 2, so that maps have 34
    pixels; its LARS is `larc` here, and neither rate nor decay reach biases and normalisation.
    """
    config = cifar(config, name)
    config.epochs = 1000
    config.batch_size = 256
    config.network.stem_padding = 2
    return solo_optimizer(config)


def solo_imagenet100(config: ConfigDict) -> ConfigDict:
    """What solo-learn's ImageNet-100 recipes share (scripts/pretrain/imagenet-100, 400 epochs).

    `data.path` is an ImageNet folder; `data.classes` a file that lists the 100 class folders, if
    the folder has more.
    """
    config = imagenet(config)
    config.epochs = 400
    config.batch_size = 256
    return solo_optimizer(config)


def solo_optimizer(config: ConfigDict) -> ConfigDict:
    """solo-learn's LARS with ten epochs of warm-up."""
    config.optimizer.name = "larc"
    config.optimizer.trust_coefficient = 0.02
    config.optimizer.warmup_epochs = 10.0
    return config


def multi_network(config: ConfigDict) -> ConfigDict:
    """What all methods in Table 1 of the Multi-network paper share (its section 4.1).

    SGD 0.1, weight decay 1e-4, batch 256, 200 epochs. The strengths of colour and blur are not
    given; ours are SimCLR's with strength 0.5, and blur for half of the views.
    """
    config.epochs = 200
    config.batch_size = 256
    config.learning_rate = 0.1
    config.optimizer.weight_decay = 1e-4
    config.optimizer.decay_all = True
    return config
