"""What every config starts from, and the data sets' settings that several papers share.

A config is a function from a variant's name to a ConfigDict: `configs/ba_moco.py:cifar10` calls
`get_config("cifar10")`. Anything can be overridden on the command line: `--config.epochs=5`.
"""

from collections.abc import Callable

from ml_collections import ConfigDict

from ssl_jax.errors import UserError


def base() -> ConfigDict:
    """Every key that a run understands, with neutral values."""
    config = ConfigDict()
    config.seed = 0
    config.epochs = 100
    config.batch_size = 256
    # At `optimizer.base_batch` images a batch; the rate in use is scaled linearly with the batch.
    config.learning_rate = 0.1
    config.data = ConfigDict(
        {
            "name": "digits",  # a file of ssl_jax/data: digits, cifar10, cifar100, folder, npz
            "path": "",
            "limit": 0,  # that many training images, chosen by the seed; 0: all
            "holdout": 0.0,  # part of the training images to look at while training, not trained on
            # Side in pixels at which images are stored; 0: as they are, files as large as views.
            "image_size": 0,
            "channels": 0,  # 1 or 3, to which image files are brought; 0: as they are, files to RGB
            "pipeline": "auto",  # device: all images in its memory; grain: streamed; auto
            "workers": 0,  # processes that decode for grain; 0: threads
        }
    )
    config.augment = ConfigDict({"view0": view(), "view1": view()})
    config.network = ConfigDict(
        {
            "name": "resnet18",
            "width": 64,
            "stages": (),  # blocks in each stage; empty: as the name says
            "stem": "cifar",  # 3x3 without pooling; imagenet: 7x7 stride 2 and max-pooling
            "stem_padding": 1,  # of the cifar stem; solo-learn has 2
            "zero_init_residual": False,
            "batch_norm_groups": 1,  # statistics of batch_size / groups images each
            "mean": (),  # of the images in [0, 1], per channel; empty: the data set's own
            "std": (),
            # Of the computation; parameters are always float32. auto: bfloat16 on accelerators.
            "dtype": "auto",
        }
    )
    config.method = ConfigDict({"name": "moco_v3"})
    config.fusion = ConfigDict(
        {
            "enabled": False,
            "patch_size": 4,
            "depth": 1,
            "group_size": 0,  # images that fuse together; 0: the whole batch
            "restore_activation": "relu",  # or identity
            "fuse_before_normalize": False,
            "identity_start": False,
            "views": (1,),  # which views are fused, counted from 0
            "width": 0,  # of the 1x1 convolutions; 0: the group size
            "pointwise_layers": 2,  # number of 1x1 convolutions in a layer
            "residual": "conv",  # or identity
        }
    )
    config.optimizer = ConfigDict(
        {
            "name": "sgd",  # sgd, adam, adamw, lars, lars_optax
            "base_batch": 256,  # 0: the learning rate is not scaled with the batch
            "warmup_epochs": 0,
            "weight_decay": 0.0,
            "momentum": 0.9,  # Adam's beta1
            "beta2": 0.999,
            "nesterov": False,
            "trust_coefficient": 0.001,  # LARS
            "decay_all": False,  # decay biases and normalisation parameters as well
        }
    )
    config.log_every_steps = 50
    config.probe_every_epochs = 10  # kNN, feature std and effective rank; 0: never
    config.checkpoint_every_epochs = 10
    config.keep_checkpoints = 2
    config.steps_per_call = 1  # several steps in one program; accelerators only
    # Images to encode are the central part `crop` of the side, resized to `size` (0: as views).
    config.evaluation = ConfigDict({"batch_size": 256, "size": 0, "crop": 1.0})
    return config


def view(**changes) -> ConfigDict:
    """One augmentation policy (`ssl_jax.augment.ViewSpec`); several views if `copies` says so."""
    spec = {
        "copies": 1,
        "size": 32,
        "crop_probability": 1.0,
        "crop_scale": (0.08, 1.0),
        "crop_ratio": (0.75, 4 / 3),
        "interpolation": "bilinear",
        "flip": 0.5,
        "jitter_probability": 0.0,
        "brightness": 0.0,
        "contrast": 0.0,
        "saturation": 0.0,
        "hue": 0.0,
        "crop_or_jitter": False,
        "grey": 0.0,
        "blur": 0.0,
        "blur_sigma": (0.1, 2.0),
        "blur_kernel": 0,  # pixels, odd; 0: a tenth of the side
        "solarize": 0.0,
        "solarize_threshold": 0.5,
    }
    unknown = set(changes) - set(spec)
    if unknown:
        raise TypeError(f"view has no {sorted(unknown)}")
    return ConfigDict({**spec, **changes})


def choose(variant: str, **variants: Callable[[], ConfigDict]) -> ConfigDict:
    """The config that `variant` names; "" is `digits`.

    Raises:
      UserError: for a name that is none of them.
    """
    name = variant or "digits"
    if name not in variants:
        known = ", ".join(variants)
        raise UserError(f"this config has no variant {variant!r}; it has {known}")
    return variants[name]()


def digits(config: ConfigDict) -> ConfigDict:
    """Scikit-learn's 1,797 handwritten digits, 8x8 grey: two minutes on two CPU cores.

    No flips and no hue: a mirrored digit is another sign, and there is no colour.
    """
    config.data.name = "digits"
    config.data.holdout = 0.15
    config.epochs = 40
    config.batch_size = 128
    config.network.width = 16
    config.network.stages = (1, 1, 1)
    config.optimizer.base_batch = 0
    config.optimizer.warmup_epochs = 5
    policy = dict(
        size=16,
        crop_scale=(0.4, 1.0),
        flip=0.0,
        jitter_probability=0.8,
        brightness=0.4,
        contrast=0.4,
    )
    config.augment = ConfigDict({"view0": view(**policy), "view1": view(**policy)})
    config.fusion.patch_size = 4
    return config


def byol_colours(**changes) -> dict:
    """The colour part of BYOL's augmentation (arXiv 2006.07733, Table 6), MoCo v3's as well."""
    return {
        "jitter_probability": 0.8,
        "brightness": 0.4,
        "contrast": 0.4,
        "saturation": 0.2,
        "hue": 0.1,
        "grey": 0.2,
        **changes,
    }


def cifar(config: ConfigDict, name: str) -> ConfigDict:
    """CIFAR-10 or CIFAR-100 at 32 pixels; ResNet-18 with the 3x3 stem."""
    config.data.name = name
    config.data.holdout = 0.02
    config.fusion.patch_size = 4
    config.log_every_steps = 100
    return config


def imagenet(config: ConfigDict) -> ConfigDict:
    """An ImageNet-like folder, `data.path` with train/ and val/; stored at 256, views of 224."""
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
