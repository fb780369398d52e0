"""The one commit of a run: who made it, what it says, how it is recognised later.

Author and committer are the bot, the person who asked is co-author. The last line names the run, so that `publish`,
killed after its push and started again, knows its own work.
"""

from bot.core.names import RUN_TRAILER
from bot.core.outbound import one_line
from bot.core.run import Admission
from bot.job.git import Git
from bot.job.merge import Merge

SUBJECT = 120


def commit_message(admission: Admission) -> str:
    """Subject from the title (an issue's author may not command git hosts by it), then the trailers."""
    if admission.task:
        return _task_message(admission)
    title = one_line(admission.title, SUBJECT) or "Work on the issue"
    # The login without its @: a commit message mentions, too.
    return (
        f"{title}\n\nFor #{admission.issue}, written by an AI agent at the request of {admission.approver_login}.\n\n"
        f"Co-authored-by: {_coauthor(admission)}\n{RUN_TRAILER}: {admission.run_key}\n"
    )


def _task_message(admission: Admission) -> str:
    title = one_line(admission.title, SUBJECT) or "Work on the task"
    name, asker = one_line(admission.task, SUBJECT), one_line(admission.asker, SUBJECT)
    who = f" at the request of {asker.partition(' <')[0]}" if asker else ""
    coauthor = f"Co-authored-by: {asker}\n" if asker else ""
    return f"{title}\n\nFor {name}, written by an AI agent{who}.\n\n{coauthor}{RUN_TRAILER}: {admission.run_key}\n"


def commit_tree(git: Git, tree: str, admission: Admission, *, merged: bool = False) -> str:
    """Make the commit on top of the run's start, and of the base too where it was `merged`; its id."""
    return _commit(git, tree, admission, merged, commit_message(admission))


def merge_commit(git: Git, merge: Merge, admission: Admission) -> str:
    """What the agent starts from where the base moved on: it never leaves this machine; its id."""
    return _commit(git, merge.tree, admission, True, f"Merge {admission.base} into {admission.branch}\n")


def _commit(git: Git, tree: str, admission: Admission, merged: bool, message: str) -> str:
    parents = ("-p", admission.head_oid, *(("-p", admission.base_oid) if merged else ()))
    return (
        git("commit-tree", tree, *parents, "-F", "-", data=message.encode("utf-8", "replace")).decode("ascii").strip()
    )


def run_of(git: Git, commit: str) -> str:
    """The run key that a commit names; empty when it names none."""
    words = ("log", "-1", "--no-show-signature", f"--format=%(trailers:key={RUN_TRAILER},valueonly,separator=%x2C)")
    return git.line(*words, commit)


def _coauthor(admission: Admission) -> str:
    """As GitHub links it to the account, whatever its name is by then."""
    login = one_line(admission.approver_login, 100)
    return f"{login} <{admission.approver_id}+{login}@users.noreply.github.com>"
