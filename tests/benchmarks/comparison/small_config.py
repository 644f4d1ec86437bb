"""Cases that are small enough for tests."""


def small(config):
    """The config with a network and heads that compile fast, and updates that are not small."""
    config.network.width, config.network.stages = 4, (1, 2)
    config.method.hidden, config.method.out = 12, 8
    if config.method.name == "byol":
        config.method.predictor_hidden = 20
    if config.method.name != "simclr":
        config.method.momentum = 0.5
    config.learning_rate = 0.01 if config.optimizer.name == "adamw" else 0.5
    config.optimizer.base_batch, config.optimizer.trust_coefficient = 0, 0.02
    config.optimizer.warmup_epochs = 0.0
    config.epochs = 2  # so rate and momentum differ from step to step
    return config
