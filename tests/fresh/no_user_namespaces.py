"""Runs a command where no user namespaces can be made: `python no_user_namespaces.py UIDS COMMAND...`.

As in a container that lacks them, in a namespace of its own in which they are limited to none; the machine's settings
stay as they are. UIDS is how many user ids exist there: 1 (that of the caller) or, for root, any number.
"""

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000


def main() -> None:
    uids, command = int(sys.argv[1]), sys.argv[2:]
    uid, gid, inside = os.getuid(), os.getgid(), os.getpid()
    ready, begun = os.pipe()
    if (helper := os.fork()) == 0:  # ids are given from outside
        os.close(begun)
        os.read(ready, 1)
        if uid != 0:
            Path(f"/proc/{inside}/setgroups").write_text("deny")
        Path(f"/proc/{inside}/uid_map").write_text(f"{uid} {uid} {uids}")
        Path(f"/proc/{inside}/gid_map").write_text(f"{gid} {gid} {uids}")
        os._exit(0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "unshare")
    os.close(begun)
    if os.waitpid(helper, 0)[1]:
        sys.exit("no ids were given")
    Path("/proc/sys/user/max_user_namespaces").write_text("0")
    os.execvp(command[0], command)  # noqa: S606  (of whoever calls this)


main()
