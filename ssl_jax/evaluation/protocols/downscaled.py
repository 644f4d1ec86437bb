"""Protocol `downscaled`: an MLP on pixels, on features, and on PCA and t-SNE of the features.

The study of "A down-scaled Self-Supervised approach for image classification: SimCLR" (J. Beasse,
M. Y. Kabouri; Section 6 and Figure 10), whose accuracies on CIFAR-10 are 35.77, 48.63, 39.67 and
28.72 %. Its released code fits PCA and t-SNE to the training and to the test images separately, so
the axes of the two have nothing in common. Here PCA is fitted to the training images, and t-SNE,
which cannot place new points, to both together (to features only, not to labels). The paper's way
is an option.

The hidden layer of 256 units and Adam at 1e-3 are those of the code. Ours: 100 epochs instead of
10, standardised inputs, PCA to 50 dimensions (the code's 512 are all that a ResNet-18 has), t-SNE
to 2 as in the paper (3 in its code). Its code reduces the pixels; the paper says the features.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.manifold import TSNE
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ssl_jax.data.dataset import take
from ssl_jax.data.splits import FIXED_SEED, draw
from ssl_jax.errors import UserError
from ssl_jax.evaluation.accuracy import Accuracy, sklearn_accuracy
from ssl_jax.evaluation.extract import pixels
from ssl_jax.evaluation.features import Labelled, select
from ssl_jax.evaluation.task import Task

INPUTS = {
    "pixels": "raw pixels",
    "features": "features",
    "pca": "PCA of features",
    "tsne": "t-SNE of features",
}
HIDDEN = 256
COMPONENTS = 50
PERPLEXITY = 30.0

# Of the training images and of the test images.
Pair = tuple[Float[np.ndarray, "n k"], Float[np.ndarray, "m k"]]


def downscaled(
    task: Task,
    seed: int,
    *,
    paper_way: bool = False,
    epochs: int = 100,
    train_images: int = 5000,
    test_images: int = 2000,
) -> dict[str, Any]:
    """Accuracy of the MLP on each of the four inputs, on the same images.

    Args:
      task: the encoder and the images.
      seed: of the drawn training images, of the MLP and of t-SNE; the test images are always the
        same.
      paper_way: fit PCA and t-SNE to training and test images separately.
      epochs: of the MLP.
      train_images: largest number of training images to use, drawn in proportion to the classes;
        the time of t-SNE grows with n log n.
      test_images: largest number of test images to use, likewise.

    Returns:
      top1 and top5: accuracy on the features.
      pixels_top1, features_top1, pca_top1, tsne_top1: accuracy on each input.
      settings: how they were obtained.

    Raises:
      UserError: if the features of all images are the same.
    """
    caps = {"train": (train_images, seed), "test": (test_images, FIXED_SEED)}
    features, raw = {}, {}
    for part, (cap, part_seed) in caps.items():
        dataset, whole = task.part(part), task.features(part)
        size = len(whole.labels)
        chosen = draw(dataset.labels, size=size, count=min(cap, size), seed=part_seed)
        few = select(whole, chosen)
        features[part] = few._replace(features=np.asarray(few.features))
        raw[part] = pixels(take(dataset, chosen).images)
    train, test = features["train"], features["test"]
    # First, because it refuses features that are all the same.
    tsne = by_tsne(train.features, test.features, jointly=not paper_way, seed=seed)
    inputs = {
        "pixels": (raw["train"], raw["test"]),
        "features": (train.features, test.features),
        "pca": by_pca(train.features, test.features, jointly=not paper_way),
        "tsne": tsne,
    }
    accuracies = {
        name: mlp_accuracy(
            Labelled(pair[0], train.labels),
            Labelled(pair[1], test.labels),
            num_classes=task.num_classes,
            epochs=epochs,
            seed=seed,
        )
        for name, pair in inputs.items()
    }
    return {
        **accuracies["features"]._asdict(),
        **{f"{name}_top1": accuracy.top1 for name, accuracy in accuracies.items()},
        "settings": {
            "classifier": f"MLP, {HIDDEN} hidden ReLU units, standardised inputs; Adam, 1e-3, "
            f"batch 200, weight decay 1e-4, {epochs} epochs",
            "pca": {"dimensions": inputs["pca"][0].shape[1]},
            "tsne": {"dimensions": 2, "perplexity": PERPLEXITY},
            "fitted": "to training and test images separately, as in the paper"
            if paper_way
            else "PCA to the training images, t-SNE to training and test images together",
            "train_images": len(train.labels),
            "test_images": len(test.labels),
        },
    }


def by_pca(
    train: Float[np.ndarray, "n d"], test: Float[np.ndarray, "m d"], *, jointly: bool = True
) -> Pair:
    """Projects both sets onto their first 50 principal components, or as many as there are.

    Args:
      train: features of the training images.
      test: features of the test images.
      jointly: use the components of `train` for both; otherwise each set has its own.

    Returns:
      The projections of both sets.
    """
    dimensions = min(COMPONENTS, *train.shape, len(test))
    of_train = PCA(dimensions, svd_solver="full").fit(train)
    of_test = of_train if jointly else PCA(dimensions, svd_solver="full").fit(test)
    return of_train.transform(train), of_test.transform(test)


def by_tsne(
    train: Float[np.ndarray, "n d"],
    test: Float[np.ndarray, "m d"],
    *,
    jointly: bool = True,
    seed: int = 0,
) -> Pair:
    """Maps both sets to points in the plane.

    Args:
      train: features of the training images.
      test: features of the test images.
      jointly: place all images together; otherwise each set by itself.
      seed: of t-SNE.

    Returns:
      The points of both sets.

    Raises:
      UserError: if the features of a set are all the same.
    """

    def places(features: np.ndarray) -> np.ndarray:
        if not np.ptp(features, axis=0).any():
            raise UserError("t-SNE needs features that differ: these are all the same")
        features = features.astype(np.float64)
        # Leaves the map unchanged, but keeps squares from overflowing.
        features = (features - features.mean(axis=0, keepdims=True)) / features.std()
        perplexity = min(PERPLEXITY, (len(features) - 1) / 3)
        return TSNE(2, perplexity=perplexity, random_state=seed).fit_transform(features)

    if not jointly:
        return places(train), places(test)
    both = places(np.concatenate([train, test]))
    return both[: len(train)], both[len(train) :]


def mlp_accuracy(
    train: Labelled, test: Labelled, *, num_classes: int, epochs: int, seed: int
) -> Accuracy:
    """Accuracy of an MLP with one hidden layer on standardised inputs, after all epochs.

    Args:
      train: the images to fit; its features may be any inputs.
      test: the images to classify.
      num_classes: of the data set.
      epochs: all of them are run, even if the loss no longer falls.
      seed: of the weights and of the order of the images.
    """
    mlp = MLPClassifier((HIDDEN,), max_iter=epochs, n_iter_no_change=epochs, random_state=seed)
    model = make_pipeline(StandardScaler(), mlp)
    with warnings.catch_warnings():
        # The number of epochs is fixed; it does not matter that the loss could still fall.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(*train)
    return sklearn_accuracy(model, test, num_classes=num_classes)


def draw_bars(result: Mapping[str, Any], picture: Path) -> None:
    """Draws the four accuracies as bars, as in the paper's Figure 10.

    Args:
      result: the result of `downscaled`.
      picture: PNG file to write.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 3.2), layout="constrained")
    axes = figure.subplots()
    percent = [100 * result[f"{name}_top1"] for name in INPUTS]
    names = [name.replace(" of ", "\nof ") for name in INPUTS.values()]
    bars = axes.bar(names, percent, color="tab:blue")
    axes.bar_label(bars, fmt="%.2f")
    axes.set(ylabel="accuracy of an MLP on test images, %", ylim=(0, 1.1 * max(percent)))
    figure.savefig(picture, dpi=100)
