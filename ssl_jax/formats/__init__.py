"""Encoders for other frameworks: one file per format, each with the same three functions.

write(encoder, path)               writes the file; raises UserError if the format does not support
                                   this encoder
features(path, encoder, images)    features computed from the file, for images [N, H, W, C] in
                                   [0, 1] whose side is `encoder.description.input_side`
advice(encoder, path)              lines of text that explain how to load the file
"""
