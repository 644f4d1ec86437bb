"""What the four papers claim, each a comparison of two rows of a table."""

from experiments.engine.claims import Claim

CLAIMS = (
    *(
        Claim(f"BA-SSL: batch fusion in front of {name} helps", "ba_ssl/table3", f"{name} + BA")
        for name in ("MoCo-v2", "BYOL", "SimCLR", "SimSiam")
    ),
    Claim("BA-SSL: its method is ahead of MoCo v2", "ba_ssl/table2", "CIFAR-10: Ours"),
    Claim("BA-SSL: one embedding layer is better than none", "ba_ssl/table4", "1 layer"),
    Claim("BA-SSL: one embedding layer is better than two", "ba_ssl/table4", "1 layer", "2 layers"),
    Claim("MSBReg: four views are ahead of BYOL", "msbreg/table1", "ImageNet-100: Ours (K = 4)"),
    Claim(
        "MSBReg: eight views are ahead of four",
        "msbreg/table1",
        "ImageNet-100: Ours (K = 8)",
        "ImageNet-100: Ours (K = 4)",
    ),
    Claim("MSBReg: the singular value loss helps BYOL", "msbreg/table8", "BYOL + L_s"),
    Claim("MSBReg: the Brownian loss helps BYOL", "msbreg/table8", "BYOL + L_b"),
    Claim("MSBReg: both losses help with four views", "msbreg/table8", "Ours (K = 4) + L_b + L_s"),
    Claim(
        "MSBReg: the Brownian loss prevents BYOL's collapse without BatchNorm",
        "msbreg/table6",
        "BYOL + L_b: LN batch 256 lambda_b 0.005",
    ),
    Claim(
        "MSBReg: the centroid of four views is ahead of multi-crop",
        "msbreg/table7",
        "Ours (K = 4): 100 epochs",
        "BYOL + multi-crop: 100 epochs",
    ),
    *(
        Claim(
            f"Multi-network: ahead of {name}",
            "multi_network/table1",
            "CIFAR-10: Multi-network",
            f"CIFAR-10: {name}",
        )
        for name in ("MoCo v2", "SimSiam", "SimCLR", "BYOL", "NNCLR", "Fast-MoCo")
    ),
    *(
        Claim(
            f"Multi-network: lambda 6 is better than {other}",
            "multi_network/table2",
            "lambda 6",
            f"lambda {other}",
        )
        for other in (2, 10)
    ),
    Claim(
        "Multi-network: several combined embeddings are better than one",
        "multi_network/table3",
        "ours",
        column="200 epochs",
    ),
    Claim(
        "Multi-network: pairs of patches are better than single ones",
        "multi_network/table4",
        "j = 2",
        "j = 1",
    ),
)
