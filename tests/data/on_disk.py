"""Image files of one colour, so that any pixel identifies them."""

from PIL import Image


def write(path, value=0, size=(8, 8)):
    """An image of one grey in a format that its suffix names, PNG if it has none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    known = path.suffix.lower() in Image.registered_extensions()
    Image.new("RGB", size, (value, value, value)).save(path, format=None if known else "PNG")


def write_classes(folder, **classes):
    """`cats=range(3)` writes cats/000.png .. cats/002.png with these values."""
    for name, values in classes.items():
        for value in values:
            write(folder / name / f"{value:03}.png", value)


def values(dataset):
    """The grey of each image."""
    return [int(dataset.images[index][0, 0, 0]) for index in range(len(dataset.images))]


def labelled_values(dataset):
    """{grey: name of its class}."""
    names = [dataset.classes[label] for label in dataset.labels]
    return dict(zip(values(dataset), names, strict=True))
