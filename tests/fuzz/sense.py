"""What each key of a configuration may sensibly be, written without a look at the package's ranges.

`sensible(key, value)` is the independent statement of the fuzz: a value that the judge takes
although it is not sensible here is accepted nonsense. It is coarse on purpose: the limits are those
beyond which nobody trains anything, not those of good settings.
"""

import math
import re

MENUS = {
    "optimizer.name": {"sgd", "adam", "adamw", "lars", "lars_optax", "larc"},
    "optimizer.schedule": {"cosine", "constant", "drops"},
    "network.stem": {"imagenet", "cifar", "small"},
    "network.positions": {"sincos", "learned"},
    "network.pooling": {"class", "mean"},
    "network.dtype": {"auto", "float32", "bfloat16"},
    "data.pipeline": {"auto", "device", "grain"},
    "fusion.restore_activation": {"relu", "identity"},
    "fusion.residual": {"conv", "identity"},
    "interpolation": {"bilinear", "bicubic"},
    "head_norm": {"batch", "layer", "weight_standardization", "none"},
    "momentum_schedule": {"constant", "cosine"},
    "attraction": {"centroid", "mean_pairs", "pairs"},
    "singular_value_on": {"predictions", "normalized"},
    "coefficient_on": {"momentum", "stop_gradient"},
    "pairs": {"cross", "all"},
    "combinations": {"all", "one"},
    "data.channels": {0, 1, 3},
    "evaluation.pixels": {"auto", "always", "never"},
    "evaluation.dtype": {"float32", "bfloat16"},
}
FREE_TEXT = {"data.path", "data.classes", "data.test"}
# Names of files, of modules and of networks: nothing that the fuzz draws is one.
NAMES = {"data.name", "network.name", "method.name", "network.weights"}
FLAGS = {
    *("fusion.enabled", "fusion.identity_start", "fusion.fuse_before_normalize"),
    *("optimizer.nesterov", "optimizer.decay_all", "network.zero_init_residual"),
    *("crop_or_jitter", "colours_first", "symmetric", "shuffle", "predictor_final_norm"),
    *("bias_corrected", "use_queue"),
}
# Shares and probabilities in [0, 1].
SHARES = {
    *("data.holdout", "network.dropout", "optimizer.final_rate", "optimizer.drop_factor"),
    *("optimizer.momentum", "optimizer.beta2", "evaluation.crop", "crop_probability", "flip"),
    *("jitter_probability", "grey", "blur", "solarize", "solarize_threshold", "momentum", "hue"),
    *("center_momentum", "teacher_warmup", "queue_from", "label_smoothing", "eps"),
}
# Numbers above 0.
POSITIVE = {
    *("learning_rate", "network.mlp_ratio", "temperature", "student_temperature"),
    "key_temperature",
    *("teacher_temperature", "warmup_teacher_temperature", "epsilon", "align_alpha", "uniform_t"),
    *("scale", "optimizer.trust_coefficient"),
}
# Numbers from 0 on.
FROM_ZERO = {
    *("penalty.brownian", "penalty.singular_value", "penalty.uniformity", "penalty.sigreg"),
    "brightness",
    *("contrast", "saturation", "optimizer.warmup_epochs", "optimizer.freeze_epochs"),
    *(
        "optimizer.clip_norm",
        "optimizer.clip_each_norm",
        "optimizer.weight_decay",
        "optimizer.final_decay",
        "lambda_b",
        "lambda_s",
        "invariance",
    ),
    *("variance", "covariance", "off_diagonal_weight", "align_weight", "uniform_weight"),
    "coefficient",
}
# Whole numbers for which 0 means "never", "all" or "as the name says".
MAY_BE_ZERO = {
    *("seed", "probe_every_epochs", "checkpoint_every_epochs", "data.limit", "data.image_size"),
    *("data.workers", "network.width", "network.patch_size", "network.depth", "network.heads"),
    *("network.stem_padding", "fusion.depth", "fusion.group_size", "fusion.width"),
    *(
        "data.max_pixels",
        "fusion.pointwise_layers",
        "optimizer.base_batch",
        "evaluation.size",
        "blur_kernel",
        "centre_views",
    ),
}
COUNTS = MAY_BE_ZERO | {
    *("slices",),
    *("epochs", "batch_size", "log_every_steps", "keep_checkpoints", "steps_per_call"),
    *("network.batch_norm_groups", "fusion.patch_size", "evaluation.batch_size", "size", "copies"),
    *("hidden", "out", "predictor_hidden", "layers", "projector_layers", "bottleneck", "k"),
    *("prototypes", "iterations", "queue_size", "global_views", "sub_batch", "num_classes"),
}
SEQUENCES = {
    "network.stages": lambda entry: whole(entry) and 1 <= entry <= 1000,
    "network.mean": lambda entry: number(entry) and 0 <= entry <= 1,
    "network.std": lambda entry: number(entry) and 0 < entry <= 1,
    "optimizer.drops_before_end": lambda entry: number(entry) and 0 <= entry <= 1e6,
    "fusion.views": lambda entry: whole(entry) and 0 <= entry < 100,
    "evaluation.at_end": lambda entry: isinstance(entry, str) and entry.isidentifier(),
    "projector_widths": lambda entry: whole(entry) and 1 <= entry <= 2**20,
}
RANGES = {
    "crop_scale": (0.0, 1.0),
    "crop_ratio": (0.0, 100.0),
    "blur_sigma": (0.0, 1000.0),
}
# What cannot be this large, whatever the machine.
LARGEST = {
    **dict.fromkeys(("layers", "projector_layers", "network.depth", "fusion.depth"), 1000),
    **dict.fromkeys(("fusion.pointwise_layers", "iterations", "copies", "network.heads"), 10_000),
    **dict.fromkeys(("size", "evaluation.size", "data.image_size", "network.patch_size"), 10_000),
    **dict.fromkeys(("blur_kernel", "fusion.patch_size"), 10_000),
    **dict.fromkeys(("hidden", "out", "predictor_hidden", "bottleneck", "prototypes"), 10**7),
    **dict.fromkeys(("batch_size", "evaluation.batch_size", "network.width", "queue_size"), 10**7),
    **dict.fromkeys(("fusion.width", "num_classes", "sub_batch", "epochs"), 10**7),
    **dict.fromkeys(("data.workers", "steps_per_call", "network.stem_padding"), 10**5),
    "seed": 2**32 - 1,
    "k": 4,
}
LARGEST_NUMBER = {"hue": 0.5, "optimizer.weight_decay": 1000.0}


def number(value):
    """A finite number, and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def whole(value):
    """A whole number, and no truth value."""
    return isinstance(value, int) and not isinstance(value, bool)


def kind_of(key):
    """The key as the tables above have it: that of a view or of a method without its section."""
    return re.sub(r"^(augment\.view\d+|method)\.(?!name$)", "", key)


def sensible(key, value):
    """Whether anybody could mean this value of this key, a dotted one without "config."."""
    kind = kind_of(key)
    if kind in MENUS:
        known = any(value == entry and type(value) is type(entry) for entry in MENUS[kind])
        return known
    if kind in FREE_TEXT:
        return isinstance(value, str)
    if kind in NAMES:
        return kind == "network.weights" and value == ""
    if kind in FLAGS:
        return isinstance(value, bool)
    if kind in COUNTS:
        least = 0 if kind in MAY_BE_ZERO else 1
        return whole(value) and least <= value <= LARGEST.get(kind, 2**31 - 1)
    if kind in SEQUENCES:
        return isinstance(value, tuple | list) and all(map(SEQUENCES[kind], value))
    if kind == "data.value_range":
        ordered = isinstance(value, tuple | list) and len(value) == 2 and all(map(number, value))
        return value in ((), []) or (ordered and value[0] < value[1])
    if kind in RANGES:
        least, most = RANGES[kind]
        pair = isinstance(value, tuple | list) and len(value) == 2 and all(map(number, value))
        return pair and least < value[0] <= value[1] <= most
    if not number(value):
        return False
    if kind in SHARES:
        return 0 <= value <= LARGEST_NUMBER.get(kind, 1)
    largest = LARGEST_NUMBER.get(kind, 1e6)
    if kind in POSITIVE:
        return 1e-12 < value <= largest
    assert kind in FROM_ZERO, f"{key}: say in tests/fuzz/sense.py what it may be"
    return 0 <= value <= largest
