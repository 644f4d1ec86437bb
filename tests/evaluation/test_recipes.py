"""The recipes behind the names of the protocols, as they are reported."""

import functools

import pytest

from ssl_jax.evaluation.protocol_names import PROTOCOLS
from ssl_jax.evaluation.train_by_recipe import describe

CROPS = "random resized crop 0.08 to 1 and flip"
# (optimizer, Nesterov, peak with 2000 images, schedule, epochs, batch, weight decay)
SETTINGS = {
    "ba_ssl": ("adam", False, 3e-4, "constant", 200, 512, 0),
    "multi_network": ("lars", False, 0.8, "cosine to 0", 90, 256, 0),
    "msbreg": ("sgd", True, 0.8, "cosine to 0", 80, 1024, 0),
    "moco": ("sgd", False, 30, "x 0.1 at epochs 60 and 80", 100, 256, 0),
    "places205": ("sgd", False, 0.2, "x 0.1 at epochs 9.333 and 18.67", 28, 256, 1e-4),
    "inat18": ("sgd", False, 0.2, "x 0.1 at epochs 28 and 56", 84, 256, 1e-4),
    "finetune_1": ("sgd", True, 2.0, "cosine to 0", 50, 1024, 0),
    "finetune_10": ("sgd", True, 0.25, "cosine to 0", 50, 1024, 0),
    "finetune": ("sgd", True, 0.25, "cosine to 0", 30, 1024, 0),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_recipes_are_those_of_the_specification(name: str) -> None:
    run = PROTOCOLS[name].load()
    assert isinstance(run, functools.partial)
    recipe = run.keywords["recipe"]
    found = describe(recipe, 2000, cached=not recipe.augmentation)
    fields = ("optimizer", "nesterov", "learning_rate", "schedule", "epochs", "batch_size")
    assert tuple(found[field] for field in (*fields, "weight_decay")) == SETTINGS[name]
    assert found["momentum"] == 0.9
    assert found["augmentation"] == ("none (cached features)" if name == "ba_ssl" else CROPS)
    fine_tuned = {"finetune_10": 2.5e-4, "finetune": 2.5e-4}
    assert found["encoder_learning_rate"] == fine_tuned.get(name, 0)
    assert found["encoder"] == ("fine-tuned" if name in fine_tuned else "frozen")
    assert recipe.labels == {"finetune_1": 0.01, "finetune_10": 0.1}.get(name, 1.0)
