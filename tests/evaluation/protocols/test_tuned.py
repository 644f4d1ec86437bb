"""The protocol `tuned` against the classifier."""

import json

from ssl_jax.evaluation.classifiers.sgd import sgd_probe
from ssl_jax.evaluation.protocols.tuned import tuned
from tests.evaluation.tasks import separable_task


def test_tuned_chooses_on_the_held_out_images() -> None:
    task = separable_task()
    parts = [task.features(part) for part in ("fit", "holdout", "test")]
    probe = sgd_probe(*parts, num_classes=4, seed=3)
    found = tuned(task, 3)
    assert (found["top1"], found["top5"]) == probe.accuracy
    assert found["settings"]["learning_rate"] == probe.chosen["learning_rate"]
    assert found["settings"]["weight_decay"] == probe.chosen["weight_decay"]
    assert json.loads(json.dumps(found)) == found
