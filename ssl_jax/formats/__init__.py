"""Encoders for other frameworks: one file per format, each with the same three functions.

write(encoder, path)               writes the file; UserError where the format cannot hold this
                                   encoder
features(path, encoder, images)    what the file, loaded again, gives for images [N, H, W, C]
                                   in [0, 1] of the side `encoder.description.input_side`
advice(encoder, path)              how to load it: lines of text
"""
