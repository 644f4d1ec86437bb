"""Recipes: how the papers train a classifier with labels to evaluate an encoder, as data.

Settings that no paper gives are marked "ours".
"""

from typing import NamedTuple


class Recipe(NamedTuple):
    """Training of a linear classifier on an encoder.

    learning_rate: peak, of the classifier; with `scaled`, for a batch of 256 images.
    epochs: passes over the training images.
    batch_size: images per step; the whole training set where that is smaller.
    optimizer: name of the optimizer, as in `optim.optimizers.make`.
    momentum: of the optimizer, likewise.
    nesterov: whether to use Nesterov momentum.
    scaled: whether learning rates are multiplied by batch / 256.
    schedule: "cosine" to 0, "constant", or "drops" by a factor of 10 at the epochs `drops`.
    drops: epochs, which may be fractions.
    weight_decay: not on biases and normalisation parameters.
    encoder_learning_rate: like `learning_rate`, of the encoder; 0 freezes it.
    augmentation: random resized crop (0.08 to 1) and flip; without it the classifier is trained on
      features that are computed once.
    labels: share of the training labels.
    """

    learning_rate: float
    epochs: int
    batch_size: int = 256
    optimizer: str = "sgd"
    momentum: float = 0.9
    nesterov: bool = False
    scaled: bool = False
    schedule: str = "cosine"
    drops: tuple[float, ...] = ()
    weight_decay: float = 0.0
    encoder_learning_rate: float = 0.0
    augmentation: bool = True
    labels: float = 1.0

    def peak(self, rate: float, batch_size: int) -> float:
        """The peak for batches of `batch_size`, of a learning rate that is given as `rate`."""
        return rate * batch_size / 256 if self.scaled else rate


# Zhang and Liu, "From Pretext to Purpose: Batch-Adaptive Self-Supervised Learning", section 4.1:
# learning rate, epochs and batch. Ours: Adam, a constant rate, no weight decay, no augmentation.
BA_SSL = Recipe(
    optimizer="adam",
    learning_rate=3e-4,
    schedule="constant",
    epochs=200,
    batch_size=512,
    augmentation=False,
)

# Li, Long and Li, "Multi-network Contrastive Learning Based on Global and Local Representations":
# everything except the augmentation, which is that of SimCLR, BYOL and SimSiam, as the paper says.
MULTI_NETWORK = Recipe(optimizer="lars", learning_rate=0.8, epochs=90)

# MSBReg (arXiv 2207.03552) gives no settings. All of them are ours, close to those of BYOL (arXiv
# 2006.07733), whose protocol it follows where labels are few.
MSBREG = Recipe(nesterov=True, learning_rate=0.2, scaled=True, epochs=80, batch_size=1024)

# MoCo (arXiv 1911.05722), section 4.1, and its official code.
MOCO = Recipe(learning_rate=30.0, schedule="drops", drops=(60.0, 80.0), epochs=100)

# MSBReg, section 8.4: "reduced by a factor of 10 two times with equally spaced intervals". The
# augmentation is ours.
PLACES205 = Recipe(
    learning_rate=0.2, schedule="drops", drops=(28 / 3, 56 / 3), epochs=28, weight_decay=1e-4
)
INAT18 = PLACES205._replace(drops=(28.0, 56.0), epochs=84)

# MSBReg, section 8.2: optimizer, batch and learning rates, which it does not scale with the batch.
# It follows BYOL, which uses crop and flip, no weight decay, and 30 or 50 epochs, whichever is
# better on held-out images. Ours: always 50 epochs, and the cosine.
FINETUNE_1 = Recipe(nesterov=True, learning_rate=2.0, epochs=50, batch_size=1024, labels=0.01)
FINETUNE_10 = FINETUNE_1._replace(learning_rate=0.25, encoder_learning_rate=2.5e-4, labels=0.1)

# None of the four papers fine-tunes with all labels. Ours: the settings for 10 %, and the 30 epochs
# of SimCLR v2 (arXiv 2006.10029), which trains equally long on 10 % and on all of the labels.
FINETUNE = FINETUNE_10._replace(epochs=30, labels=1.0)
