"""One file a data set; `config.data.name` is the file's name.

Each holds `load(*, path, image_size, channels)`, which returns the parts of `dataset.Loaded`:
(train, test or None) or all three. A size or a number of channels of 0 means that of the stored
images. One that can be limited to a list of classes takes `classes` as well.
"""
