"""The augmentation of ssl_jax/augment for PyTorch: whole batches, on the device that holds them.

It has the same operations and distributions: every image has its own box, flip, order of colour
operations and blur. All randomness comes from one tensor of uniform numbers; tests/benchmarks shows
that with the numbers that ssl_jax draws, the views are the same.

Crop and blur are two products of an image with small matrices, which tensor cores compute; the
colour operations are elementwise, on [N, 3, H, W]. Nothing waits for the device, and all of it
compiles.
"""

import itertools
import math

import torch
from torch import Tensor, nn

ATTEMPTS = 10  # draws of a box, as in torchvision
CONTRAST, SATURATION = 1, 2  # of the blends brightness, contrast, saturation
# Uniform numbers of an image: box, flip, jitter or not, the jitter itself, grey, blur, solarize.
NUMBERS = (2 * ATTEMPTS + 2, 1, 1, 6, 1, 2, 1)


class Augment(nn.Module):
    """All views of the specs (ssl_jax.augment.ViewSpec), in the order of the specs."""

    def __init__(self, specs):
        super().__init__()
        self.copies = [spec.copies for spec in specs]
        self.kinds = nn.ModuleList(View(spec) for spec in specs)

    def forward(self, images: Tensor, u: Tensor) -> tuple[Tensor, ...]:
        """uint8 [N, H, W, 3] and u [views, N, sum(NUMBERS)] -> [N, 3, size, size] a view.

        Views are float32 in [0, 1], channels last. Copies of one kind are made as one batch.
        """
        views = []
        for kind, numbers in zip(self.kinds, u.split(self.copies), strict=True):
            copies = len(numbers)
            views += kind(images.repeat(copies, 1, 1, 1), numbers.flatten(0, 1)).chunk(copies)
        return tuple(views)


class View(nn.Module):
    """One kind of view; supports the part of `ViewSpec` that the configs of this comparison use."""

    def __init__(self, spec):
        super().__init__()
        strengths = (spec.brightness, spec.contrast, spec.saturation)
        if spec.crop_probability < 1 or spec.colours_first or spec.crop_or_jitter:
            raise NotImplementedError(f"a view that is not a crop first, then colours: {spec}")
        if not (spec.jitter_probability and all(strengths) and spec.hue):
            raise NotImplementedError(f"a view without all four colour operations: {spec}")
        self.spec = spec
        strength = torch.tensor(strengths)
        # Buffers, because a tensor made from Python values is a copy that waits for the device.
        self.register_buffer("low", (1 - strength).clamp(min=0))
        self.register_buffer("high", 1 + strength)
        self.register_buffer("orders", torch.tensor([*itertools.permutations(range(3))]))
        self.register_buffer("offsets", torch.tensor([5.0, 3.0, 1.0]).view(1, 3, 1, 1))
        if spec.blur:
            kernel = spec.blur_kernel or max(3, spec.size // 10 | 1)
            self.register_buffer("distances", pixels_at_distance(spec.size, kernel // 2))

    def forward(self, images: Tensor, u: Tensor) -> Tensor:
        spec = self.spec
        box, flip, jittered, jitter, greyed, blur, solarized = u.split(NUMBERS, dim=1)
        x = images.permute(0, 3, 1, 2).float() / 255
        x = resized_crop(x, *sample_box(box, *x.shape[2:], spec), spec.size, spec.interpolation)
        x = torch.where(happens(flip, spec.flip), x.flip(3), x)
        x = torch.where(happens(jittered, spec.jitter_probability), self.jitter(x, jitter), x)
        x = torch.where(happens(greyed, spec.grey), grey(x), x)
        if spec.blur:
            low, high = spec.blur_sigma
            sigma = torch.where(blur[:, 1] < spec.blur, low + blur[:, 0] * (high - low), 0)
            x = gaussian_blur(x, sigma, self.distances)
        if spec.solarize:
            inverted = torch.where(x >= spec.solarize_threshold, 1 - x, x)
            x = torch.where(happens(solarized, spec.solarize), inverted, x)
        return x.contiguous(memory_format=torch.channels_last)

    def jitter(self, x: Tensor, u: Tensor) -> Tensor:
        """Three blends, hue, three blends, of which three are the identity: gives every order.

        `before` of the blends come before the hue, the others after it.
        """
        order = self.orders[(u[:, 3] * math.factorial(3)).long()]
        factors = (self.low + u[:, :3] * (self.high - self.low)).gather(1, order)
        before = (u[:, 4:5] * 4).floor()
        first = torch.arange(3, device=x.device) < before
        x = blends(x, torch.where(first, factors, 1), order)
        x = turn_hue(x, self.spec.hue * (2 * u[:, 5] - 1), self.offsets)
        return blends(x, torch.where(first, 1, factors), order)


def happens(u: Tensor, probability: float) -> Tensor:
    return (u < probability)[:, :, None, None]


def sample_box(u: Tensor, height: int, width: int, spec) -> tuple[Tensor, ...]:
    """Top, left, height and width, [N] each, by torchvision's `RandomResizedCrop.get_params`."""
    scale, (low, high) = spec.crop_scale, spec.crop_ratio
    area = height * width * (scale[0] + u[:, :ATTEMPTS] * (scale[1] - scale[0]))
    log_ratio = math.log(low) + u[:, ATTEMPTS:-2] * (math.log(high) - math.log(low))
    aspect = log_ratio.exp()
    heights, widths = (area / aspect).sqrt().round(), (area * aspect).sqrt().round()
    fits = (heights > 0) & (heights <= height) & (widths > 0) & (widths <= width)
    first, found = fits.int().argmax(1, keepdim=True), fits.any(1)
    h = torch.where(found, heights.gather(1, first)[:, 0], min(height, round(width / low)))
    w = torch.where(found, widths.gather(1, first)[:, 0], min(width, round(height * high)))
    top = torch.where(found, (u[:, -2] * (height - h + 1)).floor(), ((height - h) / 2).floor())
    left = torch.where(found, (u[:, -1] * (width - w + 1)).floor(), ((width - w) / 2).floor())
    return top, left, h, w


def resized_crop(x, top, left, height, width, size: int, interpolation: str) -> Tensor:
    """torchvision's `resized_crop(..., antialias=True)` of each image, as rows @ x @ columns."""
    rows = resize_weights(x.shape[2], top, height, size, interpolation)
    columns = resize_weights(x.shape[3], left, width, size, interpolation)
    x = rows[:, None] @ x @ columns[:, None].mT
    return x.clamp(0, 1) if interpolation == "bicubic" else x


def resize_weights(pixels: int, start: Tensor, length: Tensor, size: int, interpolation: str):
    """[N, size, pixels]: the weight of every pixel in every output; zero outside the crop."""
    scale = (length / size)[:, None, None]
    pixel = torch.arange(pixels, device=start.device) - start[:, None, None]
    centre = scale * (torch.arange(size, device=start.device)[:, None] + 0.5)
    x = ((pixel + 0.5 - centre) / scale.clamp(min=1)).abs()
    if interpolation == "bilinear":
        weights = (1 - x).clamp(min=0)
    else:  # Keys' cubic with a = -0.5
        near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
        weights = torch.where(x < 1, near, torch.where(x < 2, far, 0))
    weights = torch.where((pixel >= 0) & (pixel < length[:, None, None]), weights, 0)
    return weights / weights.sum(2, keepdim=True)


def grey(x: Tensor) -> Tensor:
    return 0.2989 * x[:, 0:1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:3]


def blends(x: Tensor, factors: Tensor, order: Tensor) -> Tensor:
    """One blend after another: with black, with the mean grey or with the grey image.

    factors, order: [N, 3]; a factor of 1 is the identity.
    """
    greys = torch.where(order == SATURATION, 1 - factors, 0)
    means = torch.where(order == CONTRAST, 1 - factors, 0)
    for step in range(3):
        factor, to_grey, to_mean = (v[:, step, None, None, None] for v in (factors, greys, means))
        luma = grey(x)
        x = factor * x + to_grey * luma + to_mean * luma.mean((2, 3), keepdim=True)
        x = x.clamp(0, 1)
    return x


def turn_hue(x: Tensor, shift: Tensor, offsets: Tensor) -> Tensor:
    """Every hue turned by `shift` [N] of the colour circle, in HSV."""
    red, green, blue = x.split(1, dim=1)
    value, lowest = x.amax(1, keepdim=True), x.amin(1, keepdim=True)
    chroma = value - lowest
    divisor = torch.where(chroma == 0, 1, chroma)
    hue = torch.where(
        value == red,
        (green - blue) / divisor,
        torch.where(value == green, 2 + (blue - red) / divisor, 4 + (red - green) / divisor),
    )
    k = (hue + 6 * shift[:, None, None, None] + offsets) % 6
    return value - chroma * torch.minimum(k, 4 - k).clamp(0, 1)


def gaussian_blur(x: Tensor, sigma: Tensor, distances: Tensor) -> Tensor:
    """torchvision's blur of each image by its own sigma [N]; 0 leaves it as it is."""
    distance = torch.arange(len(distances), device=x.device)
    # Avoids a division by zero; a sigma this small leaves all weight on the pixel itself.
    taps = torch.exp(-0.5 * (distance / sigma.clamp(min=1e-3)[:, None]) ** 2)
    taps = taps / (2 * taps.sum(1, keepdim=True) - taps[:, :1])
    matrix = (taps @ distances.flatten(1)).view(-1, 1, *distances.shape[1:])
    return matrix @ x @ matrix.mT


def pixels_at_distance(size: int, reach: int) -> Tensor:
    """[t, p, q]: how often pixel q lies t away from pixel p if the border is a mirror."""
    counts = torch.zeros(reach + 1, size, size)
    for pixel, offset in itertools.product(range(size), range(-reach, reach + 1)):
        mirrored = abs(pixel + offset)
        mirrored = min(mirrored, 2 * (size - 1) - mirrored)
        counts[abs(offset), pixel, mirrored] += 1
    return counts
