"""`sia-try`, as a client runs it in its folder. This file runs in the client's sandbox; standard library only."""

from __future__ import annotations

import argparse
import json
import socket
import sys
from pathlib import Path


def main() -> int:
    """Asks the engine over its socket, and prints what it answers; 1 where the try has failed."""
    parser = argparse.ArgumentParser(
        prog="sia-try", description="Run harness/ on training cases and print what failed. Without options: on a few."
    )
    parser.add_argument("--cases", type=int, default=0, help="on so many held-out cases, beside the best candidate")
    parser.add_argument("--instances", nargs="+", default=[], metavar="ID", help="on these cases of train")
    parser.add_argument("--out-of-fold", action="store_true", help="on all of train, each case held out once")
    parser.add_argument("--why", default="does it help?", help="what you want to find out")
    asked = vars(parser.parse_args())
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(str(Path(__file__).with_name("socket")))
            line.sendall(json.dumps(asked).encode() + b"\n")
            answer = json.loads(b"".join(iter(lambda: line.recv(1 << 16), b"")))
        except (OSError, ValueError) as error:
            print(f"sia-try: the engine does not answer ({error})", file=sys.stderr)
            return 1
    print(answer["text"])
    return int(answer["failed"])


if __name__ == "__main__":
    sys.exit(main())
