"""Image files of every format against known pixels."""

import numpy as np
import pytest
from PIL import Image

from ssl_jax.data import decode as module
from ssl_jax.data.decode import decode, open_image
from ssl_jax.data.pixel_rule import PixelRule

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (6, 9, 3), dtype=np.uint8)
GREY = RNG.integers(0, 256, (6, 9), dtype=np.uint8)


def stored(path, channels=3):
    return decode(path, image_size=0, channels=channels)


def grey_to_rgb(grey):
    return np.repeat(grey[:, :, None], 3, axis=2)


def test_colour_is_read_as_stored(tmp_path):
    for name in ("a.png", "a.BMP", "a.ppm", "a.tif"):
        Image.fromarray(RGB).save(tmp_path / name)
        np.testing.assert_array_equal(stored(tmp_path / name), RGB)
    Image.fromarray(RGB).save(tmp_path / "a.webp", lossless=True)
    np.testing.assert_array_equal(stored(tmp_path / "a.webp"), RGB)


def test_grey_fills_three_channels_or_one(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    np.testing.assert_array_equal(stored(tmp_path / "a.png"), grey_to_rgb(GREY))
    np.testing.assert_array_equal(stored(tmp_path / "a.png", channels=1), GREY[:, :, None])


def test_colour_to_grey_is_the_luma_of_itu_601(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    expected = RGB @ np.array([0.299, 0.587, 0.114])
    decoded = stored(tmp_path / "a.png", channels=1)
    np.testing.assert_allclose(decoded[:, :, 0], expected, atol=0.51)


def test_black_and_white_are_0_and_255(tmp_path):
    Image.fromarray(GREY > 128).save(tmp_path / "a.png")
    np.testing.assert_array_equal(stored(tmp_path / "a.png"), grey_to_rgb((GREY > 128) * 255))


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bit_grey_keeps_its_high_byte(tmp_path, name):
    deep = RNG.integers(0, 65536, (6, 9), dtype=np.uint16)
    Image.fromarray(deep).save(tmp_path / name)
    np.testing.assert_array_equal(stored(tmp_path / name), grey_to_rgb(deep // 256))


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_types_without_a_range_need_one(tmp_path, dtype):
    pixels = np.array([[-5, 0, 40, 200, 700]], dtype)
    Image.fromarray(pixels).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match="have no range of their own; give it"):
        stored(tmp_path / "a.tif")
    for rule in (PixelRule((0, 200)), PixelRule((), (0, 200))):
        decoded = decode(tmp_path / "a.tif", image_size=0, channels=1, rule=rule)
        assert decoded.ravel().tolist() == [0, 0, 51, 255, 255]


def test_twelve_bits_in_sixteen_with_their_range(tmp_path):
    deep = RNG.integers(0, 4096, (6, 9), dtype=np.uint16)
    for name in ("a.png", "a.tif", "a.pgm"):
        Image.fromarray(deep).save(tmp_path / name)
        rule = PixelRule((0, 4095))
        decoded = decode(tmp_path / name, image_size=0, channels=1, rule=rule)
        np.testing.assert_array_equal(decoded[..., 0], np.round(deep * (255 / 4095)))


def test_deep_images_are_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    deep = np.arange(6, dtype=np.uint16).reshape(2, 3) << 8
    Image.fromarray(np.ascontiguousarray(np.rot90(deep, 1))).save(tmp_path / "a.png", exif=exif)
    decoded = stored(tmp_path / "a.png", channels=1)
    np.testing.assert_array_equal(decoded[..., 0], [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_too_many_pixels_are_refused_with_the_reason(tmp_path, suffix):
    Image.fromarray(RGB).save(tmp_path / f"a.{suffix}")
    with pytest.raises(ValueError, match="9 x 6 pixels are more than 53; --config.data.max_pixels"):
        decode(tmp_path / f"a.{suffix}", image_size=0, channels=3, rule=PixelRule(max_pixels=53))
    allowed = decode(
        tmp_path / f"a.{suffix}", image_size=0, channels=3, rule=PixelRule(max_pixels=54)
    )
    assert allowed.shape == (6, 9, 3)


BANDS = RNG.integers(0, 256, (30, 40, 13), dtype=np.uint8)


@pytest.mark.parametrize("first", [False, True])
def test_arrays_and_tiffs_of_many_bands(tmp_path, first):
    tifffile = pytest.importorskip("tifffile")
    stored_bands, plan = (np.moveaxis(BANDS, -1, 0), "separate") if first else (BANDS, "contig")
    np.save(tmp_path / "a.npy", stored_bands)
    tifffile.imwrite(tmp_path / "a.tif", stored_bands, photometric="minisblack", planarconfig=plan)
    for name in ("a.npy", "a.tif"):
        np.testing.assert_array_equal(stored(tmp_path / name, channels=13), BANDS)
        resized = decode(tmp_path / name, image_size=7, channels=13)
        for band in range(13):
            Image.fromarray(BANDS[..., band]).save(tmp_path / "one.png")
            one = decode(tmp_path / "one.png", image_size=7, channels=1)
            np.testing.assert_array_equal(resized[..., band], one[..., 0])
        with pytest.raises(ValueError, match="it has 13 channels, not 3"):
            stored(tmp_path / name)


def test_arrays_of_one_and_three_channels_are_images(tmp_path):
    np.save(tmp_path / "a.npy", RGB)
    np.testing.assert_array_equal(stored(tmp_path / "a.npy"), RGB)
    Image.fromarray(RGB).save(tmp_path / "a.png")
    luma = stored(tmp_path / "a.png", channels=1).astype(int)
    np.testing.assert_allclose(stored(tmp_path / "a.npy", channels=1), luma, atol=1)
    np.save(tmp_path / "a.npy", GREY)
    np.testing.assert_array_equal(stored(tmp_path / "a.npy"), grey_to_rgb(GREY))
    for wrong, said in (
        (np.zeros(3), "numbers"),
        (np.array([{}]), "Object"),
        (np.zeros((3, 8, 4)), "may be"),
    ):
        np.save(tmp_path / "a.npy", wrong, allow_pickle=True)
        with pytest.raises(ValueError, match=said):
            stored(tmp_path / "a.npy")


def test_heic_where_its_plugin_is_installed(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.from_pillow(Image.new("RGB", (64, 64), (200, 100, 50))).save(tmp_path / "a.HEIC")
    np.testing.assert_allclose(stored(tmp_path / "a.HEIC").mean((0, 1)), (200, 100, 50), atol=3)


def test_a_palette_is_looked_up(tmp_path):
    palette = RNG.integers(0, 256, (4, 3), dtype=np.uint8)
    image = Image.fromarray(GREY % 4)
    image.putpalette(palette.ravel().tolist())  # turns it into a palette image
    for name in ("a.png", "a.gif"):
        image.save(tmp_path / name)
        np.testing.assert_array_equal(stored(tmp_path / name), palette[GREY % 4])
    image.save(tmp_path / "b.png", transparency=2)
    palette[2] = 255
    np.testing.assert_array_equal(stored(tmp_path / "b.png"), palette[GREY % 4])


def test_transparent_images_are_composited_onto_white(tmp_path):
    alpha = RNG.integers(0, 256, (6, 9, 1), dtype=np.uint8)
    weight = alpha / 255.0
    Image.fromarray(np.concatenate([RGB, alpha], axis=2)).save(tmp_path / "a.png")
    expected = RGB * weight + 255 * (1 - weight)
    np.testing.assert_allclose(stored(tmp_path / "a.png"), expected, atol=1)
    Image.fromarray(np.stack([GREY, alpha[..., 0]], axis=2)).save(tmp_path / "b.png")
    expected = GREY[:, :, None] * weight + 255 * (1 - weight)
    np.testing.assert_allclose(stored(tmp_path / "b.png", channels=1), expected, atol=1)


def test_cmyk_becomes_rgb(tmp_path):
    Image.new("CMYK", (16, 16), (200, 100, 0, 50)).save(tmp_path / "a.jpg", quality=100)
    expected = (255 - np.array([200, 100, 0])) * (255 - 50) / 255
    decoded = stored(tmp_path / "a.jpg").reshape(-1, 3)
    np.testing.assert_allclose(decoded, np.tile(expected, (256, 1)), atol=3)


@pytest.mark.parametrize(
    ("orientation", "undo"),
    [
        (1, lambda image: image),
        (2, lambda image: image[:, ::-1]),
        (3, lambda image: image[::-1, ::-1]),
        (6, lambda image: np.rot90(image, 1)),
        (8, lambda image: np.rot90(image, -1)),
    ],
)
def test_exif_rotation_is_undone(tmp_path, orientation, undo):
    exif = Image.Exif()
    exif[0x0112] = orientation  # how a viewer must rotate the stored image
    Image.fromarray(np.ascontiguousarray(undo(RGB))).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(stored(tmp_path / "a.png"), RGB)


def test_the_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert (stored(tmp_path / "a.gif") == (255, 0, 0)).all()


def bicubic(length, start, scale, size):
    """Weights [size, length] of Keys (a = -1/2), for samples of width `scale` from `start` on."""
    weights = np.zeros((size, length))
    for i in range(size):
        for j in range(length):
            x = abs((j + 0.5 - (start + (i + 0.5) * scale)) / scale)
            if x < 1:
                weights[i, j] = 1.5 * x**3 - 2.5 * x**2 + 1
            elif x < 2:
                weights[i, j] = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return weights / weights.sum(1, keepdims=True)


@pytest.mark.parametrize(("height", "width"), [(25, 40), (40, 25), (24, 24)])
def test_the_central_square_is_resized_without_aliasing(tmp_path, height, width):
    image = RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(image).save(tmp_path / "a.png")
    side, size = min(height, width), 8
    rows = bicubic(height, (height - side) / 2, side / size, size)
    columns = bicubic(width, (width - side) / 2, side / size, size)
    expected = np.einsum("ih,jw,hwc->ijc", rows, columns, image.astype(np.float64))
    decoded = decode(tmp_path / "a.png", image_size=size, channels=3)
    assert decoded.dtype == np.uint8
    np.testing.assert_allclose(decoded, np.clip(expected, 0, 255), atol=1.1)


def test_an_image_of_the_right_size_is_unchanged(tmp_path):
    square = np.ascontiguousarray(RGB[:, :6])
    Image.fromarray(square).save(tmp_path / "a.png")
    np.testing.assert_array_equal(decode(tmp_path / "a.png", image_size=6, channels=3), square)


def test_large_jpegs_decoded_at_a_reduced_scale_keep_their_detail(tmp_path):
    y, x = np.mgrid[0:400, 0:520] * (2 * np.pi)
    waves = [
        np.sin(x / 16),
        np.cos(y / 20),
        np.sin((x + y) / 40),
    ]  # 16 pixels long, 3.2 after resizing
    Image.fromarray((np.stack(waves, axis=2) * 100 + 127).astype(np.uint8)).save(
        tmp_path / "a.jpg", quality=95, subsampling=0
    )
    Image.open(tmp_path / "a.jpg").save(tmp_path / "a.png")  # the same pixels, read in full
    decoded, expected = (
        decode(tmp_path / name, image_size=80, channels=3).astype(int)
        for name in ("a.jpg", "a.png")
    )
    assert np.abs(decoded - expected).mean() < 1
    np.testing.assert_allclose(decoded, expected, atol=4)


def photograph(height, width):
    """Smooth colours with some noise, so that a JPEG of it has all frequencies."""
    y, x = np.mgrid[0:height, 0:width] / 20
    waves = np.stack([np.sin(x), np.cos(y), np.sin(x * y / 9)], axis=2) * 90 + 128
    return np.clip(waves + RNG.normal(0, 9, waves.shape), 0, 255).astype(np.uint8)


def jpeg(tmp_path, mode="RGB", **options):
    Image.fromarray(photograph(75, 101)).convert(mode).save(tmp_path / "a.jpg", **options)
    return (tmp_path / "a.jpg").read_bytes()


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("channels", [1, 3])
def test_jpegs_have_the_pixels_that_pillow_gives_them(tmp_path, mode, channels, monkeypatch):
    content = jpeg(tmp_path, mode, quality=90)
    image = open_image(content)
    assert (image.height, image.width) == (75, 101)
    draft = Image.open(tmp_path / "a.jpg")
    if channels == 1:
        draft.draft("L", draft.size)
    expected = np.asarray(draft.convert("L" if channels == 1 else "RGB")).reshape(75, 101, -1)
    np.testing.assert_array_equal(image.decode(channels, 1), expected)
    by_both = [image.decode(channels, reduction) for reduction in (2, 4, 8)]
    assert [part.shape[:2] for part in by_both] == [(38, 51), (19, 26), (10, 13)]
    monkeypatch.setattr(module, "simplejpeg", None)
    image = open_image(content)
    for reduction, part in zip((1, 2, 4, 8), [expected, *by_both], strict=True):
        np.testing.assert_array_equal(image.decode(channels, reduction), part)


def test_a_rotated_jpeg_is_upright_at_any_scale(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = open_image(jpeg(tmp_path, exif=exif))
    assert (image.height, image.width) == (101, 75)
    assert image.decode(3, 1).shape == (101, 75, 3)
    assert image.decode(3, 2).shape == (51, 38, 3)


def test_a_jpeg_that_libjpeg_warns_of_is_read_as_pillow_reads_it(tmp_path):
    content = jpeg(tmp_path)
    scan = content.rindex(b"\xff\xd9")
    (tmp_path / "a.jpg").write_bytes(content[:scan] + b"\x00\x01\x02" + content[scan:])
    expected = np.asarray(Image.open(tmp_path / "a.jpg"))
    np.testing.assert_array_equal(stored(tmp_path / "a.jpg"), expected)


def test_a_truncated_jpeg_is_refused(tmp_path):
    content = jpeg(tmp_path)
    image = open_image(content[: len(content) // 2])
    with pytest.raises(OSError, match="truncated"):
        image.decode(3, 1)
