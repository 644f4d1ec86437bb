"""Images in shards of ArrayRecord, as `ssl_jax.prepare` writes them.

OUTPUT/manifest.json            counts, classes, checksums, what was skipped and why
OUTPUT/train-00000.array_record a shard: about 1 GB of records, each one image
OUTPUT/train-00000.json         its index: names, labels and sizes of the images
"""
