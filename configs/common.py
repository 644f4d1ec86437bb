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
            "name": "digits",  # a file of ssl_jax/data/sources, as cifar10, stl10, folder
            "path": "",
            "classes": "",  # file that lists the class folders to take; empty: all (folder only)
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
            # resnet18, resnet34, resnet50, vit_tiny, vit_small, vit_base, or vit: as below
            "name": "resnet18",
            "width": 0,  # 0: as the name says, as are all sizes below
            "stages": (),  # blocks in each stage of a ResNet
            # 3x3; small: the same and max-pooling; imagenet: 7x7 of stride 2 and max-pooling
            "stem": "cifar",
            "stem_padding": 1,  # of the cifar stem; solo-learn has 2
            "zero_init_residual": False,
            "batch_norm_groups": 1,  # statistics of batch_size / groups images each
            # Of a Vision Transformer.
            "patch_size": 0,
            "depth": 0,
            "heads": 0,
            "mlp_ratio": 4.0,
            "dropout": 0.0,
            "positions": "sincos",  # or learned
            "pooling": "class",  # or mean
            # The encoder to start from: a run's folder, an imported one, or an exported file.
            "weights": "",
            # Of the images in [0, 1], per channel; empty: those of weights, or the data set's own.
            "mean": (),
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
    # What is added to the loss of any method, by its weight; 0.0: nothing.
    config.penalty = ConfigDict({"brownian": 0.0, "singular_value": 0.0, "uniformity": 0.0})
    config.optimizer = ConfigDict(
        {
            "name": "sgd",  # sgd, adam, adamw, lars, lars_optax, larc
            "base_batch": 256,  # 0: the learning rate is not scaled with the batch
            "warmup_epochs": 0.0,
            "schedule": "cosine",  # constant, or drops: times drop_factor at drops_before_end
            "final_rate": 0.0,  # where the cosine ends, as a share of the learning rate
            "drops_before_end": (),  # epochs
            "drop_factor": 0.1,
            "freeze_epochs": 0.0,  # of SwAV's prototypes and DINO's last layer
            "clip_norm": 0.0,  # largest norm of the whole gradient; 0.0: any
            "weight_decay": 0.0,
            "momentum": 0.9,  # Adam's beta1
            "beta2": 0.999,
            "nesterov": False,
            "trust_coefficient": 0.001,  # LARS and LARC
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
        "colours_first": False,  # before the crop
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
    """Scikit-learn's 1,797 handwritten digits, 8x8 grey: a minute on two CPU cores.

    No flips and no hue: a mirrored digit is another sign, and there is no colour.
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


def cifar(config: ConfigDict, name: str) -> ConfigDict:
    """CIFAR-10 or CIFAR-100 at 32 pixels; ResNet-18 with the 3x3 stem."""
    config.data.name = name
    config.data.holdout = 0.02
    config.fusion.patch_size = 4
    config.log_every_steps = 100
    return config


def tiny_imagenet(config: ConfigDict) -> ConfigDict:
    """Tiny ImageNet at 64 pixels, `data.path` the official folder; 3x3 stem."""
    config.data.name = "tiny_imagenet"
    config.data.holdout = 0.02
    config.fusion.patch_size = 8
    config.log_every_steps = 100
    return config


def stl10(config: ConfigDict) -> ConfigDict:
    """STL-10 at 96 pixels, pre-training on its 100,000 unlabelled images.

    3x3 stem and max-pooling, as in the code of W-MSE, whose numbers MSBReg compares with.
    """
    config.data.name = "stl10"
    config.data.holdout = 0.1  # of the 5,000 labelled images
    config.network.stem = "small"
    config.fusion.patch_size = 8
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

    `data.path` is an ImageNet folder; `data.classes` a file with the 100 class folders of one's
    list, where the folder has more.
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
    """What all methods of the Multi-network paper's Table 1 share (its section 4.1).

    SGD 0.1, weight decay 1e-4, batch 256, 200 epochs. Strengths of colour and blur are not given:
    ours are SimCLR's, strength 0.5, blur for half of the views.
    """
    config.epochs = 200
    config.batch_size = 256
    config.learning_rate = 0.1
    config.optimizer.weight_decay = 1e-4
    config.optimizer.decay_all = True
    return config
