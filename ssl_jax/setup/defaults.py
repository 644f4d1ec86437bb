"""Every key of a configuration with its default, taken from the signatures of the components."""

from typing import Any

from ml_collections import ConfigDict

from ssl_jax.augment.policy import ViewSpec
from ssl_jax.methods.wrappers.penalties import regularized
from ssl_jax.networks.backbone import make_backbone
from ssl_jax.networks.batch_fusion import BatchFusion
from ssl_jax.optim import optimizers
from ssl_jax.setup.options import defaults


def base() -> ConfigDict:
    """Every key that a run understands, with neutral values."""
    return ConfigDict(
        {
            "seed": 0,
            "epochs": 100,
            "batch_size": 256,
            # At `optimizer.base_batch` images per batch; the rate in use is scaled with the batch.
            "learning_rate": 0.1,
            "data": data(),
            "augment": {"view0": view(), "view1": view()},
            "network": network(),
            "method": {"name": "moco_v3"},
            # See `networks.batch_fusion.BatchFusion`.
            "fusion": {
                "enabled": False,
                **defaults(BatchFusion, "mean", "std", "dtype", "parent", "name"),
                "views": (1,),  # which views are fused, counted from 0
            },
            # Weights of what is added to the loss of any method; 0.0: nothing.
            "penalty": defaults(regularized),
            "optimizer": optimizer(),
            "log_every_steps": 50,
            "probe_every_epochs": 10,  # kNN, feature std and effective rank; 0: never
            "checkpoint_every_epochs": 10,
            "keep_checkpoints": 2,
            "steps_per_call": 1,  # several steps in one program; accelerators only
            # Images to encode are the central share `crop` of the side, resized to `size` pixels
            # (0: as views).
            "evaluation": {"batch_size": 256, "size": 0, "crop": 1.0},
        }
    )


def data() -> dict[str, Any]:
    """The section `data`."""
    return {
        # A file of ssl_jax/data/sources, as cifar10, stl10, folder, or the dotted path of a module
        # of your own.
        "name": "digits",
        "path": "",
        "classes": "",  # file that lists the class folders to take; empty: all (folder only)
        # Folder of the set to test on, or list; train: a tenth of train; empty: what there is.
        "test": "",
        "limit": 0,  # number of training images, chosen by the seed; 0: all
        "holdout": 0.0,  # share of the training images to probe with instead of training on them
        "image_size": 0,  # side in pixels of stored images; 0: as they are, files as views
        "channels": 0,  # 1 or 3, to which image files are converted; 0: as they are, files to RGB
        # (black, white) of images of 16 bits and more, or of fractions; empty: see docs/data.md.
        "value_range": (),
        "max_pixels": 0,  # larger images are left out; 0: 178,956,970
        "pipeline": "auto",  # device: all images in its memory; grain: streamed; auto
        "workers": 0,  # processes that decode for grain; 0: threads
    }


def network() -> dict[str, Any]:
    """The section `network`; see `networks.backbone.make_backbone`, whose sizes may be 0."""
    return {
        "name": "resnet18",
        **defaults(make_backbone, "dtype", "mean", "std"),
        # The encoder to start from: a run's folder, an imported one, or an exported file.
        "weights": "",
        # Of images in [0, 1], per channel; empty: those of weights, or the data set's own.
        "mean": (),
        "std": (),
        # Of the computation; parameters are always float32. auto: bfloat16 on accelerators.
        "dtype": "auto",
    }


def optimizer() -> dict[str, Any]:
    """The section `optimizer`; see `optim.optimizers.make` and `optim.schedules.learning_rate`."""
    return {
        "name": "sgd",
        "base_batch": 256,  # 0: the learning rate is not scaled with the batch
        "warmup_epochs": 0.0,
        "schedule": "cosine",
        "final_rate": 0.0,  # where the cosine ends, as a share of the learning rate
        "drops_before_end": (),  # epochs
        "drop_factor": 0.1,
        "freeze_epochs": 0.0,  # of SwAV's prototypes and DINO's last layer
        "final_decay": 1.0,  # where weight decay ends by a cosine, as a multiple; 1.0: constant
        "clip_norm": 0.0,  # largest norm of the whole gradient; 0.0: any
        "clip_each_norm": 0.0,  # largest norm of the gradient of each parameter; 0.0: any
        **defaults(optimizers.make),
    }


def view(**changes) -> ConfigDict:
    """One augmentation policy (`augment.policy.ViewSpec`); several views if `copies` says so."""
    return ConfigDict(ViewSpec(**changes)._asdict())
