"""From what a model wrote to a kernel."""

import ast
import re

from archive import FLAGS

_FENCE = re.compile(r"```[ \t]*([\w+]*)[^\n]*\n(.*?)```", re.DOTALL)
_PYTHON, _CPP = ("python", "py", ""), ("cpp", "c++", "cxx", "c")


def kernel(text):
    """The last block of Python that defines `custom_kernel`, with the last block of C++ beside it, if any.

    Raises `ValueError` with a sentence for the model.
    """
    blocks = [(kind.lower(), body) for kind, body in _FENCE.findall(text)]
    sources = [body for kind, body in blocks if kind in _PYTHON and "custom_kernel" in body]
    codes = [body for kind, body in blocks if kind in _CPP]
    if not sources:
        raise ValueError("the reply has no block ```python that defines custom_kernel(data)")
    try:
        tree = ast.parse(sources[-1])
    except SyntaxError as error:
        raise ValueError(f"the Python does not parse: {error}") from None
    nodes = list(ast.walk(tree))
    imported = {name.name.split(".")[0] for node in nodes if isinstance(node, ast.Import) for name in node.names}
    imported |= {(node.module or "").split(".")[0] for node in nodes if isinstance(node, ast.ImportFrom)}
    if codes and "extension" in imported:
        return {"language": "c++", "source": sources[-1], "code": codes[-1], "flags": FLAGS}
    language = next((known for known in ("triton", "numba") if known in imported), "torch")
    return {"language": language, "source": sources[-1]}
