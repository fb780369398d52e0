"""Which branch a run writes and where it starts. Pure."""

from dataclasses import dataclass

from bot.core.model import Pull, Snapshot
from bot.core.names import issue_branch


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch to write."""

    name: str
    head_oid: str
    """Its newest commit; empty: it does not exist yet, start from the base."""
    pull: Pull | None = None
    """Our open pull request from it."""


def choose_branch(snapshot: Snapshot, issue: int) -> Branch:
    """The branch for a run of `issue`.

    While our pull request is open, or work was kept on the branch without one, the run goes on there (people's
    commits on it are built upon). `-2`, `-3`, … come only after a pull request from it was closed or merged.
    """
    suffix = 1
    while True:
        name = issue_branch(issue, suffix)
        pulls = [pull for pull in snapshot.pulls if pull.head == name]
        if open_ := next((pull for pull in pulls if pull.open), None):
            return Branch(name, snapshot.branches.get(name, open_.head_oid), open_)
        if not pulls:
            return Branch(name, snapshot.branches.get(name, ""))
        suffix += 1
