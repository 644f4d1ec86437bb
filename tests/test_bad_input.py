"""Mistakes of users who apply an encoder: one clear line, and no file is changed."""

import jax
import numpy as np
import pytest
from PIL import Image

from ssl_jax import embed, evaluate
from ssl_jax.encoder import file as encoder_file
from ssl_jax.encoder.load import SPEC_FILE
from ssl_jax.errors import UserError
from ssl_jax.storage import atomic
from tests import tiny


@pytest.fixture(scope="module")
def encoder():
    return tiny.encoder()


@pytest.fixture
def workdir(tmp_path, encoder):
    """The folder of an imported encoder."""
    folder = tmp_path / "encoder"
    folder.mkdir()
    encoder_file.write(folder / encoder_file.FILE, encoder.description, encoder.variables)
    return folder


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Two class folders of twelve images."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    for index in range(24):
        path = tmp_path / "photos" / "ab"[index % 2] / f"{index:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (9, 8, 3), np.uint8)).save(path)
    return tmp_path / "photos"


def files_below(folder):
    paths = [path for path in folder.rglob("*") if "cache" not in path.parts]
    return {path: path.read_bytes() if path.is_file() else None for path in paths}


def run_embed(workdir, photos):
    embed.main(
        ["", f"--workdir={workdir}", f"--images={photos}", f"--output={photos.parent}/f.npz"]
    )


def run_evaluate(workdir, photos, protocol="knn"):
    data = ["--data=folder", f"--data_path={photos}"] if photos else []
    evaluate.main(["", f"--workdir={workdir}", f"--protocol={protocol}", *data])


def check_refused(tmp_path, message, run, *arguments):
    before = files_below(tmp_path)
    with pytest.raises(UserError, match=message) as error:
        run(*arguments)
    assert "\n" not in str(error.value)
    assert files_below(tmp_path) == before


COMMANDS = pytest.mark.parametrize("run", [run_embed, run_evaluate])


@COMMANDS
def test_folders_without_an_encoder(run, photos, tmp_path, encoder):
    check_refused(tmp_path, "gone does not exist", run, tmp_path / "gone", photos)
    empty = tmp_path / "empty"
    empty.mkdir()
    check_refused(tmp_path, "empty holds no encoder", run, empty, photos)
    check_refused(
        tmp_path, "is not a safetensors file|is a file", run, photos / "a" / "00.png", photos
    )
    (empty / SPEC_FILE).write_text(encoder.description.to_json())
    check_refused(tmp_path, "has no checkpoint yet", run, empty, photos)
    (empty / SPEC_FILE).write_text("text")
    check_refused(tmp_path, "not the description of an encoder", run, empty, photos)


@COMMANDS
def test_an_encoder_that_diverged(run, encoder, photos, tmp_path):
    folder = tmp_path / "diverged"
    folder.mkdir()
    variables = jax.tree.map(lambda array: array, encoder.variables)
    variables["params"]["layer1_0"]["bn2"]["bias"] *= np.nan
    encoder_file.write(folder / encoder_file.FILE, encoder.description, variables)
    (folder / "evaluations").mkdir()
    check_refused(tmp_path, "not finite: training has diverged", run, folder, photos)


@COMMANDS
def test_folders_without_images(run, workdir, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "images"
    check_refused(tmp_path, "images'? must be a folder of images", run, workdir, folder)
    folder.mkdir()
    check_refused(tmp_path, "images contains no image files", run, workdir, folder)
    (folder / "text.jpg").write_text("text")
    message = "the only image file in .*images cannot be read: text.jpg"
    check_refused(tmp_path, message, run, workdir, folder)
    # `evaluate` also takes a list of files, which this is not either.
    message = "must be a folder of images" if run is run_embed else "none of image files"
    check_refused(tmp_path, message, run, workdir, folder / "text.jpg")


@COMMANDS
def test_an_image_of_one_pixel_and_a_file_that_is_not_an_image(run, workdir, photos, capsys):
    Image.new("L", (1, 1)).save(photos / "a" / "one.png")
    (photos / "b" / "text.jpg").write_text("text")
    run(workdir, photos)
    if run is run_embed:
        with np.load(photos.parent / "f.npz") as file:
            assert len(file["paths"]) == 25 and "a/one.png" in file["paths"]
            assert np.isfinite(file["features"]).all()
        assert "skipped 1 unreadable image file: b/text.jpg" in capsys.readouterr().out
    else:
        evaluation = atomic.read_json(workdir / "evaluations" / "knn-folder-photos.json")
        assert sum(evaluation["splits"].values()) == 25 and 0 <= evaluation["top1"] <= 1


def test_images_without_labels_are_not_evaluated(workdir, photos, tmp_path):
    message = "the images have no labels to evaluate by"
    check_refused(tmp_path, message, run_evaluate, workdir, photos / "a")
    (photos / "b").rename(tmp_path / "b")
    check_refused(tmp_path, message, run_evaluate, workdir, photos)  # one class


def test_evaluations_that_cannot_be_written(workdir, photos, tmp_path):
    (workdir / "evaluations").write_text("a file")
    check_refused(tmp_path, "evaluations cannot be .*: File exists", run_evaluate, workdir, photos)


def test_names_that_evaluate_does_not_know(workdir, photos, tmp_path):
    check_refused(tmp_path, "--protocol=best: .*knn, ridge", run_evaluate, workdir, photos, "best")
    check_refused(tmp_path, "has no data of its own: --data=NAME", run_evaluate, workdir, None)
    argv = ["", f"--workdir={workdir}", "--batch_size=0"]
    check_refused(tmp_path, r"--batch_size=0 must be in \[1, 1048576\]", evaluate.main, argv)


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--protocol="], "--protocol=: .*knn, ridge"),
        (["--protocol=knn,knnn"], "--protocol=knnn: .*knn, ridge"),
        (["--seeds=abc"], "--seeds=abc must be a whole number"),
        (["--seeds=-1"], "--seeds=-1 must be in"),
        (["--seeds=0,4294967296"], r"--seeds=4294967296 must be in \[0, 4294967295\]"),
        (["--batch_size=-5"], "--batch_size=-5 must be in"),
        (["--batch_size=1000000000000"], "--batch_size=1000000000000 must be in"),
        (["--batch_size=many"], "--batch_size=many must be a whole number"),
        (["--batch_size=nan"], "--batch_size=nan must be a whole number"),
        (["--step=-1"], "--step=-1 must be in"),
        (["--data_classes=list.txt"], "--data_classes needs --data"),
        (["--data=nosuch"], "--data='nosuch' must be one of"),
        (["--data=folder"], "--data_path='' must be a folder"),
        (["--step=3"], "no checkpoint of step 3"),
        (["--labels=list.txt", "--protocol=finetune,knn"], "--labels is for"),
        (["--labels=list.txt", "--protocol=finetune_1,finetune_10"], "lists the images of one"),
        ([], "no data of its own"),
        (["--nosuch=1"], "unrecognized arguments: --nosuch=1"),
    ],
)
def test_invalid_flags_of_evaluate(flags, message, workdir, tmp_path):
    check_refused(tmp_path, message, evaluate.main, ["", f"--workdir={workdir}", *flags])


def test_evaluate_needs_a_folder(workdir, tmp_path):
    file = workdir / encoder_file.FILE
    check_refused(tmp_path, "is a file", evaluate.main, ["", f"--workdir={file}"])
