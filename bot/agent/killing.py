"""The end of everything that a uid runs, by a process that what it ends can't touch.

`kill(-1)` as the uid itself signals all its processes in one atomic step (kill(2)), so nothing forks away from it. But
whoever is the uid is at the mercy of its other processes for that moment: a shell that root starts as the uid is outside
of their mount namespace, and through `/proc/PID/root` they would write where everybody may, all that `closing` closes;
or they stop it before it signals. So nothing is executed as the uid: a process of root's that only *changes* to it stays
closed to them (prctl(2), PR_SET_DUMPABLE), and its very next step is the signal.
"""

import sys

SCRIPT = """
import os, sys
uid = int(sys.argv[1])
os.setgroups([])
os.setresgid(uid, uid, uid)
os.setresuid(uid, uid, uid)
try:
    os.kill(-1, 9)
except ProcessLookupError:
    pass  # there is none
"""


def killing_words(uid: int) -> tuple[str, ...]:
    """What root runs to kill every process of `uid`."""
    return (sys.executable, "-I", "-S", "-c", SCRIPT, str(uid))
