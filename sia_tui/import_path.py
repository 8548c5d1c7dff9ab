"""No module and no program of the current folder is taken for one of ours, in this process and in those it starts.

The current folder may hold files from anyone. Python looks there first when it is started as `python -m sia_tui`; and
an empty entry of $PYTHONPATH, $PATH or $LD_LIBRARY_PATH (`export PYTHONPATH=$PYTHONPATH:/x` makes one) means the
current folder, which `python -P` does not change. Only what is imported before this module escapes it.
"""

from __future__ import annotations

import os
import sys

_LISTS = ("PYTHONPATH", "PATH", "LD_LIBRARY_PATH")


def leave_out_current_folder() -> None:
    """Removes the current folder from these paths unless it is named by an absolute path, or is our own."""
    named = {os.path.dirname(os.path.dirname(__file__))}  # noqa: PTH120 - before anything else is imported
    for name in _LISTS:
        entries = os.environ.get(name, "").split(os.pathsep)
        kept = [entry for entry in entries if os.path.isabs(entry)]  # noqa: PTH117
        if kept != entries and os.environ.pop(name, None) is not None and kept:
            os.environ[name] = os.pathsep.join(kept)
        if name == "PYTHONPATH":
            named.update(kept)
    try:
        here = os.getcwd()  # noqa: PTH109
    except FileNotFoundError:
        here = ""
    sys.path[:] = [path for path in sys.path if path in named or path not in ("", here)]
