"""Become another command that dies with the process that asked for it.

    python bound.py PARENT_PID SIGNAL USER COMMAND...

A test run that is killed outright runs no clean-up, so the kernel is asked to (Linux only; elsewhere
an orphan can remain). This is a program rather than a `preexec_fn`, which may deadlock in a process
with threads. The user is changed first: changing it afterwards would clear the request.
"""

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Change to USER unless it is empty, bind to the parent, and run the command in this process's place."""
    parent, death_signal, user, *command = sys.argv[1:]
    if user:
        entry = pwd.getpwnam(user)
        os.initgroups(user, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != int(parent):  # it died before the request: no signal will come
            sys.exit("the process that asked for this server is gone")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
