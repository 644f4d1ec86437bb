"""The protocol `ridge` against the classifier."""

import json

from ssl_jax.evaluation.classifiers.ridge import ridge_probe
from ssl_jax.evaluation.protocols.ridge import ridge
from tests.evaluation.tasks import separable_task


def test_ridge_chooses_on_the_held_out_images() -> None:
    task = separable_task()
    parts = [task.features(part) for part in ("fit", "holdout", "test")]
    probe = ridge_probe(*parts, num_classes=4)
    found = ridge(task, 0)
    assert (found["top1"], found["top5"]) == probe.accuracy
    assert found["settings"]["lambda"] == probe.chosen["lambda"]
    assert json.loads(json.dumps(found)) == found == ridge(task, 1)
