"""One file per data set; `config.data.name` is the name of the file.

Each defines `load(*, path, image_size, channels)`, which returns the parts of `dataset.Loaded`:
(train, test or None) or all three. Image size and channels of 0 mean those of the stored images.
A set that supports a list of classes has the argument `classes` as well.
"""
