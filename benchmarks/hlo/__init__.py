"""The kernels of a compiled program, read from the text of its optimized HLO.

    parts = kernels(compiled.as_text())                      # hlo.kernels
    category(parts[0])                                       # hlo.categories, one of CATEGORIES
    findings(parts, activation=10**6, compute="bfloat16")    # hlo.findings

`text` parses the text; `products` and `traffic` count the operations and bytes of an instruction.
"""
