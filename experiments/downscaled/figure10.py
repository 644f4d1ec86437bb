"""Downscaled SimCLR, Figure 10: an MLP on pixels, features, and PCA and t-SNE of them."""

from experiments.downscaled import SETTINGS, SIMCLR
from experiments.engine.table import Column, Table

# (bar, metric, published)
BARS = (
    ("raw images", "pixels_top1", 35.77),
    ("SimCLR", "features_top1", 48.63),
    ("PCA", "pca_top1", 39.67),
    ("t-SNE", "tsne_top1", 28.72),
)

TABLE = Table(
    source="Downscaled SimCLR, Figure 10",
    about="test accuracy of an MLP with one hidden layer by its input; CIFAR-10",
    columns=[Column(title, "downscaled", metric) for title, metric, _ in BARS],
    rows=[
        SIMCLR._replace(published={title: published for title, _, published in BARS}),
        SIMCLR._replace(name="SimCLR at 32 pixels", paper="cifar10", against=SIMCLR.name),
    ],
    readings=(
        "the text says that PCA and t-SNE are of the embeddings, so ours are; the released "
        "notebook reduces the pixels of another sample of CIFAR-10",
        "PCA is fitted to the training images, t-SNE to training and test images together; the "
        "notebook runs t-SNE on the two separately: python experiments/downscaled_study.py "
        "--workdir=RUN --paper_way",
        "the MLP trains for 100 epochs on 5,000 images and is tested on 2,000; the notebook's "
        "for 10 epochs",
        "the row at 32 pixels is ours; below the scale paper no image is enlarged to 224, and the "
        "two rows are one run",
        SETTINGS,
    ),
)
