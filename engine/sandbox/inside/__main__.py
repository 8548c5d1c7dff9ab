"""Started in the sandbox as `python -s -P __main__.py CONTROL_FD keep|UID [FOLDER_OF_PACKAGES ...]`.

The folder becomes a package under a name that no harness uses for a module, so that our modules and a harness's are
never confused, whatever is on the path later.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path

NAME = "_sia_inside"


def start() -> None:
    """Runs the worker."""
    sys.path.extend(sys.argv[3:])  # before msgspec is imported, which may be there
    package = ModuleSpec(NAME, None, is_package=True)
    package.submodule_search_locations = [str(Path(__file__).parent)]
    sys.modules[NAME] = module_from_spec(package)
    import_module(f"{NAME}.main").main(int(sys.argv[1]), None if sys.argv[2] == "keep" else int(sys.argv[2]))


if __name__ == "__main__":
    start()
