"""Training from Python: the same runs as the command's."""

import json
import signal

import numpy as np
import pytest
from PIL import Image

import ssl_jax
from ssl_jax import UserError
from ssl_jax.main import main


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return ssl_jax.pretrain("simclr:tiny", workdir=tmp_path_factory.mktemp("python") / "run")


def test_a_run_is_that_of_the_command(run, tmp_path):
    main(["main", "--config=simclr:tiny", f"--workdir={tmp_path}"])
    result = json.loads((tmp_path / "result.json").read_text())
    assert run.result["digest"] == result["digest"]
    assert run.result["evaluation"] == result["evaluation"]
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [line["loss"] for line in run.metrics] == [json.loads(line)["loss"] for line in lines]


def test_a_run_has_an_encoder_curves_and_evaluations(run):
    images = np.zeros((3, 8, 8, 1), np.uint8)
    np.testing.assert_array_equal(run.encoder(images), ssl_jax.load_encoder(run.workdir)(images))
    titles = [axes.get_title() for axes in run.curves().axes]
    assert "loss" in titles
    found = run.evaluate("knn", "ridge")
    assert found["knn"]["top1"] == run.result["evaluation"]["trained"]["knn_top1"]
    assert found["ridge"]["top1"] == run.result["evaluation"]["trained"]["linear_top1"]
    again = ssl_jax.Run(run.workdir)
    assert again.config == run.config and again.config.method.name == "simclr"


def test_a_finished_run_is_not_trained_again(run, capsys):
    again = ssl_jax.pretrain("simclr:tiny", workdir=run.workdir)
    assert "is finished" in capsys.readouterr().out
    assert again.metrics == run.metrics


def photos(folder, count=24):
    rng = np.random.default_rng(0)
    for index in range(count):
        (folder / f"class{index % 2}").mkdir(parents=True, exist_ok=True)
        image = rng.integers(0, 256, (8, 8, 1), np.uint8)
        Image.fromarray(image[..., 0]).save(folder / f"class{index % 2}" / f"{index}.png")
    return folder


CHANGES = {"data.limit": 0, "data.holdout": 0.0, "data.channels": 1, "batch_size": 8}


def trained_on(images, workdir, **options):
    run = ssl_jax.pretrain(
        "simclr:tiny", images=images, workdir=workdir, changes=CHANGES, **options
    )
    return run.result


def test_images_may_be_a_folder_an_array_or_a_list(tmp_path, capsys):
    folder = photos(tmp_path / "photos")
    files = sorted(folder.rglob("*.png"))
    arrays = np.stack([np.asarray(Image.open(file))[..., None] for file in files])
    labels = [file.parent.name for file in files]
    twice = np.repeat(arrays[:12], 2, axis=0)  # so that images to test on are trained on
    of_array = trained_on(twice, tmp_path / "array", labels=[int(name[-1]) for name in labels])
    assert of_array["test_in_train"] == {"copies": 3, "looked_at": 3, "size": 3}
    said = "\n3 of the 3 test images are also training images\n"
    assert said in capsys.readouterr().out
    of_list = trained_on(files, tmp_path / "list", labels=labels)
    assert of_list["config"]["epochs"] == of_array["config"]["epochs"] == 1
    of_folder = trained_on(folder, tmp_path / "folder", epochs=2)
    assert of_folder["config"]["epochs"] == 2
    assert of_folder["test_in_train"] == {"copies": 0, "looked_at": 3, "size": 3}
    assert "also training" not in capsys.readouterr().out
    for result in (of_array, of_list, of_folder):
        assert set(result["evaluation"]) >= {"trained", "untrained"}


def test_the_same_call_resumes_and_other_images_are_refused(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 1), np.uint8)
    trained_on(images, tmp_path / "run")
    trained_on(images.copy(), tmp_path / "run")
    with pytest.raises(UserError, match="was trained on other images"):
        trained_on(images[::-1], tmp_path / "run")


def test_ctrl_c_saves_and_goes_on(tmp_path, monkeypatch):
    """The signal comes with the first metrics; handlers are then as they were."""
    from ssl_jax.training.metrics_log import MetricsLog

    write, before = MetricsLog.write, signal.getsignal(signal.SIGINT)

    def interrupted(self, step, values):
        write(self, step, values)
        if step == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(MetricsLog, "write", interrupted)
    with pytest.raises(KeyboardInterrupt, match="the same call resumes"):
        ssl_jax.pretrain("simclr:tiny", epochs=2, workdir=tmp_path / "run")
    assert signal.getsignal(signal.SIGINT) is before
    monkeypatch.undo()
    stopped = ssl_jax.pretrain("simclr:tiny", epochs=2, workdir=tmp_path / "run")
    whole = ssl_jax.pretrain("simclr:tiny", epochs=2, workdir=tmp_path / "whole")
    assert stopped.result["digest"] == whole.result["digest"]


def test_configurations_by_name():
    assert "simclr:tiny" in ssl_jax.configs() and "ba_moco:digits" in ssl_jax.configs()
    config = ssl_jax.config("ba_moco:cifar10")
    assert config.data.name == "cifar10"
    config.learning_rate = 7.0
    assert ssl_jax.config("ba_moco:cifar10").learning_rate != 7.0
    assert ssl_jax.configs.common.base().seed == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"config": "simclr:nope"}, "no variant 'nope'"),
        ({"config": "nope"}, "there are align_uniform"),
        ({"changes": {"learning_rat": 1}}, "did you mean learning_rate"),
        ({"images": 7}, "images must be a folder, a sequence of image files"),
        ({"images": [7]}, "images must be a folder, a sequence of image files"),
        ({"images": "nowhere"}, "nowhere"),
        ({"labels": [0, 1]}, "give images as well"),
        ({"images": ".", "labels": [0]}, "labels are for arrays"),
        ({"images": np.zeros((4, 8, 8, 1), np.uint8), "labels": [0]}, "label"),
        ({"images": np.zeros((4, 8, 8), object)}, "images"),
    ],
)
def test_what_cannot_work_is_one_line(options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = {"config": "simclr:tiny", "workdir": tmp_path / "run", **options}
    with pytest.raises(UserError, match=message) as error:
        ssl_jax.pretrain(**options)
    assert "\n" not in str(error.value)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="not the folder of a run"):
        ssl_jax.Run(tmp_path)
