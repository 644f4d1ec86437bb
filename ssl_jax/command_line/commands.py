"""The commands, and what each is for in a line."""

COMMANDS = {
    "main": "train an encoder, or resume, and evaluate it at the end",
    "doctor": "check a configuration before hours go into training it",
    "evaluate": "evaluate the encoder of a run under named protocols",
    "embed": "features of a folder of images, in one file",
    "export": "write an encoder for torchvision, timm, Detectron2, ONNX or StableHLO",
    "import_weights": "make an encoder of weights trained elsewhere",
    "prepare": "write images and labels into shards of records, which training reads fastest",
    "report": "one offline HTML page on one run or several",
    "benchmark": "measure the train step, the training loop and what the machine could do",
}
# Another name of the first.
ALIASES = {"train": "main"}


def overview(program: str) -> str:
    """What `program` without a command prints.

    program: how it is called, as "ssl-jax" or "python -m ssl_jax".
    """
    lines = [f"usage: {program} COMMAND [FLAGS]", ""]
    lines += [f"  {name:16}{text}" for name, text in COMMANDS.items()]
    return "\n".join([*lines, "", f"{program} COMMAND --help lists the flags of a command."])
