"""One file a data set; `config.data.name` is the file's name.

Each holds `load(*, path, image_size, channels) -> (train, test or None)`; a size or a number of
channels of 0 means that of the stored images.
"""
