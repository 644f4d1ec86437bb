"""Names of cases and their configs."""

from comparison import cases


def test_cases_are_the_configs():
    config = cases.config_of("byol-resnet18-256")
    assert (config.batch_size, config.data.name, config.method.name) == (256, "cifar10", "byol")
    config = cases.config_of("moco_v3-resnet50-128")
    assert (config.network.name, config.network.stem) == ("resnet50", "imagenet")
    assert [view.size for view in config.augment.values()] == [224, 224]
    config = cases.config_of("simclr-tiny-16")
    assert [view.size for view in config.augment.values()] == [16]
    for name in cases.ON_GPU + cases.ON_CPU:
        assert name.startswith(cases.config_of(name).method.name)
