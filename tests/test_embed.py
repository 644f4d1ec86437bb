"""The command that embeds image files: values, formats, kills, files that are not images."""

import csv
import os
import sys

import numpy as np
import pytest
from PIL import Image

from ssl_jax import embed as command
from ssl_jax.data.decode import decode
from ssl_jax.embedding import embed, stream, write
from ssl_jax.embedding.part import Part
from ssl_jax.encoder import file as encoder_file
from ssl_jax.encoder.load import load_encoder
from ssl_jax.errors import UserError
from tests import tiny

NETWORK = {"name": "resnet18", "width": 4, "stages": (1, 1), "mean": (0.4,), "std": (0.3,)}
SIDE = 10  # round(8 / 0.8): side of the decoded images for an encoder of 8-pixel images


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """An imported encoder with random weights."""
    folder = tmp_path_factory.mktemp("encoder")
    save_encoder(folder, seed=0)
    return folder


def save_encoder(folder, seed):
    encoder = tiny.encoder(NETWORK, crop=0.8, seed=seed)
    encoder_file.write(folder / encoder_file.FILE, encoder.description, encoder.variables)


@pytest.fixture
def photos(tmp_path):
    """40 images of several sizes in two folders, including one of a single pixel."""
    folder = tmp_path / "photos"
    random = np.random.default_rng(0)
    for index in range(40):
        size = (1, 1, 3) if index == 7 else (*random.integers(5, 30, 2), 3)
        path = folder / ("a" if index % 3 else "b, c") / f"{index:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, size, np.uint8)).save(path)
    return folder


def names_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png"))


def run(workdir, photos, output, *more):
    argv = ["embed", f"--workdir={workdir}", f"--images={photos}", f"--output={output}", *more]
    command.main(argv)


def load(output):
    with np.load(output) as file:
        return {name: file[name] for name in file}


def check_refused(message, *arguments):
    with pytest.raises(UserError, match=message) as error:
        run(*arguments)
    assert "\n" not in str(error.value)


def test_features_are_those_of_the_encoder_on_the_decoded_images(workdir, photos, tmp_path, capsys):
    run(workdir, photos, tmp_path / "all.npz", "--batch_size=16")
    written = load(tmp_path / "all.npz")
    names = names_in(photos)
    assert written["paths"].tolist() == names and len(names) == 40
    images = np.stack([decode(photos / name, image_size=SIDE, channels=3) for name in names])
    expected = load_encoder(workdir)(images)
    assert written["features"].dtype == np.float32 and written["features"].shape == (40, 8)
    assert np.isfinite(expected).all() and np.median(expected.std(axis=0)) > 0.05
    np.testing.assert_allclose(written["features"], expected, rtol=1e-5, atol=1e-6)
    assert "8 features of 40 images" in capsys.readouterr().out
    assert not (tmp_path / "all.npz.part").exists()


def test_the_three_formats_have_the_same_content(workdir, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(write, "NAMES_AT_A_TIME", 7)
    monkeypatch.setattr("ssl_jax.embedding.part.ROWS_AT_A_TIME", 7)
    odd = os.fsdecode(b"\xff \xc3\xa9,\n.png")  # not Unicode, a comma, a line break
    Image.new("RGB", (8, 8), "red").save(photos / odd)
    for kind in ("npz", "csv", "parquet"):
        run(workdir, photos, tmp_path / f"all.{kind}", "--batch_size=16")
    first = load(tmp_path / "all.npz")
    assert first["paths"].tolist() == names_in(photos) and first["features"].shape == (41, 8)
    readable = [name.replace("\udcff", "\\udcff") for name in names_in(photos)]
    with open(tmp_path / "all.csv", newline="", encoding="utf-8") as file:
        header, *lines = csv.reader(file)
    assert header == ["path", *(f"f{index}" for index in range(8))]
    assert [line[0] for line in lines] == readable
    numbers = np.array([line[1:] for line in lines]).astype(np.float32)
    np.testing.assert_array_equal(numbers, first["features"])
    pq = pytest.importorskip("pyarrow.parquet")
    table = pq.read_table(tmp_path / "all.parquet")
    assert table.column_names == ["path", "features"]
    assert table["path"].to_pylist() == readable
    assert str(table["features"].type) == "fixed_size_list<element: float>[8]"
    np.testing.assert_array_equal(
        np.array(table["features"].to_pylist(), np.float32), first["features"]
    )


def test_a_spreadsheet_computes_no_name(tmp_path):
    beginnings = "=+-@\t\r\n"
    names = [f"{first}cmd|' /C calc'!A0.png" for first in beginnings] + ["a=1.png", "'b.png"]
    write.write_csv(tmp_path / "all.csv", names, [np.zeros((len(names), 1), np.float32)], 1)
    with open(tmp_path / "all.csv", newline="", encoding="utf-8") as file:
        _, *lines = csv.reader(file)
    paths = [line[0] for line in lines]
    assert not any(path.startswith(tuple(beginnings)) for path in paths)
    assert [path.removeprefix("'") for path in paths[:-1]] == names[:-1]
    assert paths[-2:] == names[-2:]


def test_names_with_escape_sequences_are_printed_escaped(workdir, photos, tmp_path, capsys):
    (photos / "a" / "\x1b[2J\x1b]0;x\x07\n.png").write_text("no image")
    run(workdir, photos, tmp_path / "all.npz", "--batch_size=16")
    printed = capsys.readouterr().out
    assert "skipped 1 unreadable image file: a/\\x1b[2J\\x1b]0;x\\x07\\n.png" in printed
    assert all(line.isprintable() for line in printed.split("\n"))


def test_killed_and_resumed_equals_uninterrupted(workdir, photos, tmp_path, monkeypatch, capsys):
    (photos / "a" / "01.png").write_text("no image")
    run(workdir, photos, tmp_path / "whole.npz", "--batch_size=8")
    output = tmp_path / "resumed.npz"
    decoded = []

    def decode_until(limit):
        def counting(path, **options):
            if len(decoded) >= limit:
                raise KeyboardInterrupt
            decoded.append(path.name)
            return decode(path, **options)

        monkeypatch.setattr(stream, "decode", counting)

    decode_until(30)  # the fourth of five batches
    with pytest.raises(KeyboardInterrupt):
        run(workdir, photos, output, "--batch_size=8")
    assert not output.exists()
    # A kill may also come in the middle of a write.
    with open(tmp_path / "resumed.npz.part" / "features", "ab") as file:
        file.write(b"\xff" * 100)
    decoded.clear()
    decode_until(1000)
    run(workdir, photos, output, "--batch_size=8")
    out = capsys.readouterr().out
    assert "resuming after 16 of 40 image files" in out  # the third was still on the devices
    assert len(decoded) == 24
    assert out.count("skipped 1 unreadable image file: a/01.png") == 2
    assert output.read_bytes() == (tmp_path / "whole.npz").read_bytes()


def test_a_kill_while_the_output_is_written_loses_nothing(workdir, photos, tmp_path, monkeypatch):
    output = tmp_path / "all.csv"
    output.write_text("an older file")

    def write_half(path, *_):
        path.write_text("half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setitem(write.WRITERS, ".csv", write_half)
        with pytest.raises(KeyboardInterrupt):
            run(workdir, photos, output, "--batch_size=8")
    assert output.read_text() == "an older file"
    monkeypatch.setattr(stream, "decode", None)  # all 40 are done
    run(workdir, photos, output, "--batch_size=8")
    assert len(output.read_text().splitlines()) == 41
    assert sorted(os.listdir(tmp_path)) == ["all.csv", "photos"]


@pytest.mark.parametrize("change", ["encoder", "image files"])
def test_rows_of_another_origin_are_dropped(workdir, photos, tmp_path, monkeypatch, capsys, change):
    output = tmp_path / "all.npz"

    def stop(part, write):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Part, "finish", stop)
        with pytest.raises(KeyboardInterrupt):
            run(workdir, photos, output, "--batch_size=8")
    if change == "encoder":
        workdir = tmp_path / "other"
        workdir.mkdir()
        save_encoder(workdir, seed=1)
    else:
        os.utime(photos / "a" / "01.png", ns=(0, 0))
    run(workdir, photos, output, "--batch_size=8")
    assert f"all.npz.part belongs to a different {change}; starting over" in capsys.readouterr().out
    run(workdir, photos, tmp_path / "new.npz", "--batch_size=8")
    assert output.read_bytes() == (tmp_path / "new.npz").read_bytes()


def test_files_that_are_not_images_are_skipped_and_named(workdir, photos, tmp_path, capsys):
    run(workdir, photos, tmp_path / "without.npz", "--batch_size=8")
    for index in range(12):
        (photos / "a" / f"09bad{index:02}.jpg").write_text("text")
    (photos / "notes.txt").write_text("ignored")
    (photos / "nowhere.png").symlink_to("gone.png")
    run(workdir, photos, tmp_path / "with.npz", "--batch_size=8")
    expected, written = load(tmp_path / "without.npz"), load(tmp_path / "with.npz")
    assert written["paths"].tolist() == expected["paths"].tolist() and len(written["paths"]) == 40
    np.testing.assert_allclose(written["features"], expected["features"], rtol=1e-5, atol=1e-6)
    out = capsys.readouterr().out
    assert "skipped 13 unreadable image files: a/09bad00.jpg, a/09bad01.jpg, " in out
    assert "bad09.jpg, ..." in out and "bad10" not in out and "notes" not in out


def test_a_single_image(workdir, photos, tmp_path, capsys):
    for name in names_in(photos)[1:]:
        (photos / name).unlink()
    run(workdir, photos, tmp_path / "one.npz")
    assert capsys.readouterr().out.endswith("8 features of 1 image\n")
    (image,) = load(tmp_path / "one.npz")["features"]
    pixels = decode(photos / names_in(photos)[0], image_size=SIDE, channels=3)
    np.testing.assert_allclose(image, load_encoder(workdir)(pixels[None])[0], rtol=1e-5, atol=1e-6)


def test_a_file_that_changes_meanwhile_stops_the_command(workdir, photos, tmp_path, monkeypatch):
    def changing(path, **options):
        if path.name == "05.png":
            os.utime(path, ns=(0, 0))
        return decode(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(stream, "decode", changing)
        check_refused("a/05.png has changed since", workdir, photos, tmp_path / "all.npz")
    assert not (tmp_path / "all.npz").exists()
    run(workdir, photos, tmp_path / "all.npz")
    assert len(load(tmp_path / "all.npz")["paths"]) == 40


def test_progress_reports_count_rate_and_time_left(workdir, photos, tmp_path, monkeypatch, capsys):
    seconds = iter(range(100))
    monkeypatch.setattr(embed.time, "monotonic", lambda: 4.0 * next(seconds))
    run(workdir, photos, tmp_path / "all.npz", "--batch_size=8")
    lines = [line for line in capsys.readouterr().out.splitlines() if "images/s" in line]
    # A batch of eight images every four seconds, a line every eight seconds.
    assert lines == [
        "16/40 images  2 images/s  0:00:12 left",
        "32/40 images  2 images/s  0:00:04 left",
    ]


def test_a_bad_output_is_reported_at_once(workdir, photos, tmp_path, monkeypatch):
    before = sorted(tmp_path.rglob("*"))
    check_refused("all.txt must end in .npz, .csv, .parquet", workdir, photos, tmp_path / "all.txt")
    output = tmp_path / "all.npz"
    check_refused("--batch_size=0 must be in", workdir, photos, output, "--batch_size=0")
    below_a_file = photos / "a" / "01.png" / "all.npz"
    check_refused("all.npz cannot be written: Not a directory", workdir, photos, below_a_file)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pyarrow", None)
        patch.delitem(sys.modules, "pyarrow.parquet", raising=False)
        message = r"all.parquet needs: pip install ssl_jax\[parquet\]"
        check_refused(message, workdir, photos, tmp_path / "all.parquet")
    assert sorted(tmp_path.rglob("*")) == before
    output.mkdir()
    check_refused("all.npz is a folder", workdir, photos, output)
    assert sorted(tmp_path.rglob("*")) == sorted([*before, output])


def test_a_full_disk_loses_nothing(workdir, photos, tmp_path, monkeypatch):
    output = tmp_path / "all.npz"

    def full(part, name, array, offset):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Part, "_write", full)
        check_refused("all.npz cannot be written: No space left", workdir, photos, output)
    assert not output.exists()
    run(workdir, photos, output)
    assert len(load(output)["paths"]) == 40
