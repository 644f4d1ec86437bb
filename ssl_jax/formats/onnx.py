"""The network with its normalisation as ONNX, exported by PyTorch (the extra "export")."""

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from ssl_jax.encoder.encoder import Encoder
from ssl_jax.errors import UserError
from ssl_jax.formats.parts.forward import Layers, forward
from ssl_jax.formats.parts.images import preparation, prepared, statistics
from ssl_jax.networks.state_dicts import to_state_dict

NEEDED = ("torch", "onnx", "onnxscript", "onnxruntime")


def write(encoder: Encoder, path: Path) -> None:
    """Writes the file.

    Raises:
      UserError: if a package that it needs is not installed.
    """
    _require()
    import torch  # pyright: ignore[reportMissingImports]

    size, channels = encoder.description.image_size, encoder.description.channels
    torch.onnx.export(
        _module(encoder).eval(),
        (torch.zeros(2, channels, size, size),),
        path,
        input_names=["images"],
        output_names=["features"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        external_data=False,  # keeps the weights in the file
        verbose=False,
    )
    _remove_source_files(path)


def _remove_source_files(path: Path) -> None:
    """Takes out what PyTorch notes of every node: among it where which line of which file lies."""
    onnx = importlib.import_module("onnx")
    model = onnx.load(path)
    for graph in (model.graph, *model.functions):
        for noted in (graph, *graph.node):
            noted.doc_string = ""
            del noted.metadata_props[:]
    onnx.save(model, path)


def features(
    path: Path, encoder: Encoder, images: Float[np.ndarray, "n h w c"]
) -> Float[np.ndarray, "n d"]:
    """Features computed by onnxruntime from the file."""
    _require()
    import onnxruntime  # pyright: ignore[reportMissingImports]

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    channels_first = np.ascontiguousarray(np.moveaxis(prepared(encoder, images), -1, 1))
    return session.run(["features"], {"images": channels_first})[0]


def advice(encoder: Encoder, path: Path) -> list[str]:
    """How to load the file."""
    size, channels = encoder.description.image_size, encoder.description.channels
    return [
        "import onnxruntime",
        f"session = onnxruntime.InferenceSession({str(path)!r})",
        "(features,) = session.run(['features'], {'images': images})"
        f"  # float32 [N, {channels}, {size}, {size}] in [0, 1]",
        "",
        preparation(encoder),
        "the file includes normalisation",
    ]


def _require() -> None:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"--format=onnx needs {', '.join(missing)}: pip install 'ssl_jax[export]'")


def _module(encoder: Encoder) -> Any:
    """A torch.nn.Module from images [N, C, H, W] in [0, 1] to features [N, d]."""
    import torch  # pyright: ignore[reportMissingImports]
    from torch.nn import functional  # pyright: ignore[reportMissingImports]

    layers = Layers(
        conv=functional.conv2d,
        max_pool=lambda x: functional.max_pool2d(x, 3, 2, 1),
        batch_norm=functional.batch_norm,
        layer_norm=lambda x, w, b: functional.layer_norm(x, w.shape, w, b, 1e-6),
        relu=functional.relu,
        gelu=functional.gelu,
        softmax=lambda x: functional.softmax(x, -1),
        join=lambda a, b: torch.cat([a, b], 1),
    )
    state_dict = to_state_dict(
        encoder.backbone, encoder.variables, image_size=encoder.description.image_size
    )

    class Module(torch.nn.Module):
        def __init__(self):
            super().__init__()
            for name, values in zip(("mean", "std"), statistics(encoder), strict=True):
                self.register_buffer(name, torch.tensor(values).reshape(-1, 1, 1))
            for name, value in state_dict.items():
                self.register_buffer(name.replace(".", "/"), torch.from_numpy(value))

        def forward(self, images: Any) -> Any:
            weights = {name: getattr(self, name.replace(".", "/")) for name in state_dict}
            x = (images - self.mean) / self.std
            return forward(layers, weights, x, encoder.backbone)

    return Module()
