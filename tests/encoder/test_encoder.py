"""Trained encoders: of a run, in a file, and applied to images."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ssl_jax.configs import ba_moco

import ssl_jax
from ssl_jax.encoder import encoder as encoders
from ssl_jax.encoder import file as encoder_file
from ssl_jax.encoder.encoder import EncoderSpec, prepare
from ssl_jax.encoder.load import load_encoder
from ssl_jax.errors import UserError
from ssl_jax.run.frozen import frozen_encoder
from ssl_jax.setup.build import build
from ssl_jax.storage.checkpoint import Checkpoints
from tests.tiny import encoder as encoder_of

NETWORK = {"name": "resnet18", "width": 4, "stages": (1, 1), "mean": (0.5,), "std": (0.25,)}

tiny = partial(encoder_of, NETWORK)


def some_images(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def test_features_are_those_of_the_network():
    encoder, images = tiny(), some_images(5, 8, 8, 3)
    floats = jnp.asarray(images, jnp.float32) / 255
    direct = encoder.backbone.apply(encoder.variables, floats, train=False)
    assert encoder(images).dtype == np.float32
    np.testing.assert_allclose(encoder(images), direct, rtol=1e-5, atol=1e-6)


def test_images_encoded_in_parts_give_the_same_features(monkeypatch):
    encoder, images = tiny(), some_images(5, 8, 8, 3)
    whole = encoder(images)
    monkeypatch.setattr(encoders, "IMAGES_AT_A_TIME", 2)
    np.testing.assert_allclose(encoder(images), whole, rtol=1e-5, atol=1e-6)
    assert encoder(images[:0]).shape == (0, encoder.features)


def test_the_central_square_is_cropped_and_resized():
    images = jnp.asarray(some_images(1, 6, 10, 1), jnp.float32)
    np.testing.assert_array_equal(prepare(images, size=6, crop=1.0), images[:, :, 2:8])
    np.testing.assert_array_equal(prepare(images, size=2, crop=1 / 3), images[:, 2:4, 4:6])
    # Halved and antialiased: the weights of the pixels are those of a triangle and sum to one.
    halved = prepare(jnp.eye(4)[None, :, :, None], size=2, crop=1.0)
    weights = np.array([[3, 3, 1, 0], [0, 1, 3, 3]]) / 7
    np.testing.assert_allclose(halved[0, :, :, 0], weights @ weights.T, rtol=1e-5)


@pytest.mark.parametrize(
    "images",
    [some_images(2, 8, 8, 3) / 255, some_images(8, 8, 3), some_images(2, 8, 8, 1), [[[[1]]]]],
    ids=["floats", "one image", "grey", "a list"],
)
def test_other_images_are_refused(images):
    with pytest.raises(UserError, match=r"images must be uint8 \[(N, )?H, W, 3\]"):
        tiny()(images)


def test_a_file_contains_a_complete_encoder(tmp_path):
    encoder, images = tiny(image_size=8, crop=0.875), some_images(3, 11, 9, 3)
    encoder_file.write(tmp_path / "encoder.safetensors", encoder.description, encoder.variables)
    for path in (tmp_path, tmp_path / "encoder.safetensors"):
        loaded = load_encoder(path)
        assert loaded.description == encoder.description
        np.testing.assert_array_equal(loaded(images), encoder(images))


@pytest.mark.parametrize("options", [{}, {"positions": "learned"}, {"pooling": "mean"}])
def test_a_file_contains_a_complete_vision_transformer(tmp_path, options):
    network = {"name": "vit", "patch_size": 4, "width": 8, "depth": 1, "heads": 2, **options}
    encoder = encoder_of({**NETWORK, "stages": (), **network}, seed=3)
    images = some_images(2, 8, 8, 3)
    encoder_file.write(tmp_path / "vit.safetensors", encoder.description, encoder.variables)
    np.testing.assert_array_equal(
        load_encoder(tmp_path / "vit.safetensors")(images), encoder(images)
    )


def test_variables_must_match_the_description(tmp_path):
    encoder = tiny()
    wider = encoder.description._replace(network={**NETWORK, "width": 8})
    encoder_file.write(tmp_path / "a.safetensors", wider, encoder.variables)
    with pytest.raises(UserError, match=r"has batch_stats/bn1/mean \[4\].* needs \[8\]"):
        load_encoder(tmp_path / "a.safetensors")


def test_other_files_and_folders_are_refused(tmp_path):
    (tmp_path / "text.safetensors").write_text("no tensors")
    (tmp_path / "folder").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "encoder.json").write_text(tiny().description.to_json())
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "encoder.json").write_text('{"network": 1}')
    for name, message in [
        ("nothing", "nothing does not exist"),
        ("folder", "holds no encoder"),
        ("text.safetensors", "is not a safetensors file"),
        ("run", "has no checkpoint yet"),
        ("bad", "not the description of an encoder"),
    ]:
        with pytest.raises(UserError, match=message) as error:
            load_encoder(tmp_path / name)
        assert "\n" not in str(error.value)


def test_a_description_survives_its_json():
    description = tiny().description
    assert EncoderSpec.from_json(description.to_json()) == description


@pytest.fixture(scope="module")
def fused_run(tmp_path_factory):
    """(folder with a checkpoint of BA-MoCo on digits at step 0, its setup, its train state)."""
    folder = tmp_path_factory.mktemp("run")
    config = ba_moco.get_config()
    config.network.width, config.network.stages = 4, (1,)
    setup = build(config)
    train = setup.trainer.init()
    (folder / "encoder.json").write_text(setup.model.encoder.to_json())
    with Checkpoints(folder / "checkpoints") as checkpoints:
        checkpoints.save(0, train, {})
    return folder, setup, train


def test_a_loaded_encoder_gives_the_features_of_its_run(fused_run):
    folder, setup, train = fused_run
    images = setup.data.splits.test.images[:16]
    expected = frozen_encoder(setup.model)(train)(jnp.asarray(images, jnp.float32) / 255)
    loaded = ssl_jax.load_encoder(folder)
    assert loaded.step == 0
    np.testing.assert_allclose(loaded(images), expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(UserError, match="no checkpoint of step 7"):
        load_encoder(folder, step=7)


def test_a_damaged_checkpoint_gives_no_encoder(fused_run, tmp_path):
    folder, *_ = fused_run
    for path in folder.rglob("*"):
        if path.is_file():
            copy = tmp_path / path.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    victim = max((tmp_path / "checkpoints").rglob("*"), key=lambda path: path.stat().st_size)
    victim.write_bytes(bytes(victim.stat().st_size))
    with pytest.raises(UserError, match="damaged"):
        load_encoder(tmp_path)


def test_training_starts_from_given_weights(fused_run, tmp_path):
    _, setup, train = fused_run
    network = {**setup.model.encoder.network, "mean": (0.1,), "std": (0.2,)}
    start = encoder_of(network, image_size=16, channels=1, seed=5)
    variables = start.variables
    encoder_file.write(tmp_path / "encoder.safetensors", start.description, variables)
    config = ba_moco.get_config()
    config.network.width, config.network.stages = 4, (1,)
    config.network.weights = str(tmp_path)
    begun = build(config)
    state = begun.trainer.init()
    jax.tree.map(
        np.testing.assert_array_equal, state.params["method"]["backbone"], variables["params"]
    )
    jax.tree.map(
        np.testing.assert_array_equal,
        state.state["target"]["params"]["backbone"],
        variables["params"],
    )
    # The heads are initialised as in a run without weights.
    jax.tree.map(
        np.testing.assert_array_equal,
        state.params["method"]["projector"],
        train.params["method"]["projector"],
    )
    assert begun.model.encoder.network["mean"] == (0.1,)
    config.network.width = 8
    with pytest.raises(UserError, match=r"config.network.weights has .* needs"):
        build(config)
