"""The command `ai-ready`: the one door where errors become exit codes. The commands themselves are in `commands`.

Exit codes: 0 as asked (Done) · 1 Blocked · 2 usage or config · 3 waiting or on hold · 70 our own fault.
"""

import errno
import gc
import io
import os
import sys

from bot.errors import AiReadyError, GitHubError, InternalError, UsageError

INTERRUPTED = 130

ALLOCATIONS = 100_000
"""Between two searches for garbage. Importing makes many objects and none of it: with Python's 700, looking for some
takes a tenth of a command's start."""


def main() -> None:
    """Run one command. Every error is one clear sentence here; a traceback only where the fault is ours."""
    gc.set_threshold(ALLOCATIONS)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a letter of a title shows `?`
    try:
        _run(sys.argv[1:])
    except AiReadyError as error:
        _say(str(error))
        sys.exit(1 if isinstance(error, GitHubError) else error.exit_code)
    except KeyboardInterrupt:
        _say("Interrupted.")
        sys.exit(INTERRUPTED)
    except Exception as error:  # noqa: BLE001 (the door: whatever else reaches it is our own fault, and is told as such)
        if of_the_machine := _of_the_machine(error):
            _say(of_the_machine)
            sys.exit(UsageError.exit_code)
        where = _keep(error)
        _say(f"Something in ai-ready itself went wrong ({type(error).__name__}); {where}. Please report it.")
        sys.exit(InternalError.exit_code)
    finally:
        gc.freeze()  # else the interpreter looks through everything once more before it ends: 0.1 s with PyGithub loaded


def run_gate() -> None:
    """`ai-ready gate`."""
    from bot.config import Step, action_env, action_report  # noqa: PLC0415
    from bot.job.steps import gate_step  # noqa: PLC0415

    gate_step(action_env(Step.GATE), action_report())


def _run(words: list[str]) -> None:
    if words == ["gate"]:
        # It answers every event of a repository, nearly always with "nothing to do", and takes no options: it does
        # without the command line's library, which takes longer to import than the planner.
        run_gate()
        return
    from bot.cli.commands import app  # noqa: PLC0415

    app()


def _of_the_machine(error: Exception) -> str:
    """What the person can mend: a file that we may not use, a disk that is full; empty: it is another error."""
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS) and error.filename:
        return f"{os.fsdecode(error.filename)} can't be used ({error.strerror}): make it readable and writable for you."
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"There is no room left to write in ({error.strerror}): make room, then do it again."
    return ""


def _keep(error: Exception) -> str:
    """Put the details where they can be found: the job's log inside Actions, a file elsewhere."""
    import traceback  # noqa: PLC0415

    from bot.config import action_report  # noqa: PLC0415

    return action_report().keep(_without_secrets("".join(traceback.format_exception(error))))


def _say(sentence: str) -> None:
    from bot.config import action_report  # noqa: PLC0415 (only where there is something to say)

    action_report().error(_without_secrets(sentence))


def _without_secrets(text: str) -> str:
    from bot.config import known_secrets  # noqa: PLC0415
    from bot.job.redact import Redactor  # noqa: PLC0415

    return Redactor(known_secrets()).text(text)
