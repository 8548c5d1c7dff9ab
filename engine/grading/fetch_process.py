"""The process that obtains a domain's data. Started by `engine.grading.fetch`; it has the network.

It writes its result to standard output, in one frame; what the domain reports or prints goes to standard error.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from domains.contract import DataInvalid, DataMissing, Report
from domains.retry import with_retries
from engine import pipes
from engine.grading.loader import load_module


class NoneToFetch(DataMissing):
    """The domain has no data that it could fetch, and opens without."""


def obtain(folder: Path, data: Path | None, report: Report) -> Path:
    """Obtains the data if the domain can; raises `DataMissing` or `DataInvalid`."""
    module = load_module(folder)
    if data is not None:
        if (fetch_named := getattr(module, "fetch_named", None)) is not None:
            return Path(fetch_named(data, report))
        module.load(data)  # raises, and says what is missing
        raise DataMissing("this domain fetches no data by name; --data names a file or folder")
    if (fetch := getattr(module, "fetch", None)) is not None:
        return Path(fetch(report))
    module.load(None)  # raises, and says what is missing
    raise NoneToFetch("this domain has no data to fetch; it reads what --data names")


def main() -> None:
    """Obtains the data of the domain in the folder that the first argument names."""
    pipes.die_with_parent()
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a domain that prints must not break the frame
    folder, data = Path(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2] else None
    report = lambda text: print(text, file=sys.stderr, flush=True)  # noqa: E731
    reply: dict[str, Any]
    try:
        reply = {"ok": str(with_retries(lambda: obtain(folder, data, report), report))}
    except (DataMissing, DataInvalid) as error:
        reply = {"data": str(error).removesuffix("."), "nothing": isinstance(error, NoneToFetch)}
    except BaseException as error:  # a domain that ends by SystemExit says why, too
        reply = {"error": f"{type(error).__name__}: {error}"}
    sys.stdout.flush()
    channel.write(pipes.pack(reply))
    channel.flush()


if __name__ == "__main__":
    main()
