"""`Reader` and `Writer` of one repository, over any wire: what the Action's client and the App's have in common.

What is asked is in `gather`, what is done in `apply`, patience in `courier`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from urllib.parse import quote

from bot.core.effects import Effect
from bot.core.model import Actor, Permission, Pull, Ref, Snapshot, Standing
from bot.core.rounds import Conversation
from bot.core.specs.diff import Existing
from bot.github import read
from bot.github.apply import apply_effects
from bot.github.conversation import read_conversation
from bot.github.courier import Courier
from bot.github.exchange import get
from bot.github.gather import read_on, read_standings
from bot.github.place import Place
from bot.github.ports import Applied
from bot.github.task_issues import read_task_issues
from bot.github.wanted import Memory, NodeIds, Scope, Wanted


class RepositoryClient:
    """`Reader` and `Writer` (bot.github.ports). For one thread at a time."""

    def __init__(self, scope: Scope, courier: Courier) -> None:
        self._scope = scope
        self._courier = courier
        self._ids = NodeIds()
        self._memory = Memory()
        self._repo = scope.repo
        """Its name now: as given, then as GitHub spells it (it may have been renamed)."""

    def snapshot(self, *, focus: Iterable[int] = (), held: Iterable[int] = (), now: datetime) -> Snapshot:
        """The whole repository, `focus` in detail: one request where it has at most 100 open issues. Raises GitHubError.

        Runs that dispatches started are listed (a request more) while an issue that is not in `held` waits for one.
        """
        return self._read(self._scope.wanted(now, focus, held=held, memory=self._memory))

    def issue_snapshot(self, number: int, *, now: datetime, prerequisites: bool = True) -> Snapshot:
        """One issue with its branches, pull requests, claim and prerequisites, and the titles of all open issues.

        Other issues' details, the day's runs and dispatched runs are left out. `prerequisites=False` (publish) leaves
        out what it waits for and the open issues too: always one request. Raises GitHubError.
        """
        memory = self._memory
        return self._read(
            self._scope.wanted(now, (number,), everything=False, prerequisites=prerequisites, memory=memory)
        )

    def permission(self, actor: Actor) -> Permission:
        """What `actor` may do, by numeric id; NONE for bots, ghosts and strangers, UNKNOWN when it can't be read."""
        if actor.is_bot or not actor.id or not actor.login:
            return Permission.NONE
        login = quote(actor.login, safe="")
        answer = self._courier.send(get(f"/repos/{self._repo}/collaborators/{login}/permission"))
        if answer.status == 404:
            return Permission.NONE
        return read.permission(answer.body, actor) if answer.ok else Permission.UNKNOWN

    def standings(self, refs: Iterable[Ref]) -> dict[Ref, Standing]:
        """What is known of these issues or pull requests, anywhere; a hundred in one request."""
        return self._courier.tell(read_standings(tuple(refs)))

    def conversation(self, pull: int) -> Conversation:
        """What is said of a pull request and not settled. Raises GitHubError."""
        return self._courier.tell(read_conversation(self._repo, pull))

    def task_issues(self) -> tuple[Existing, ...]:
        """All issues that may be tasks of a plan, open and closed, oldest first. Raises GitHubError."""
        return self._courier.tell(read_task_issues(self._repo))

    def branch_oid(self, branch: str) -> str:
        """The commit a branch is at; empty when there is no such branch. Raises GitHubError."""
        answer = self._courier.send(get(f"/repos/{self._repo}/git/ref/heads/{quote(branch)}"))
        if answer.status in (404, 409):  # 409: the repository is empty
            return ""
        if not answer.ok or not isinstance(answer.body, dict):
            raise answer.error(f"read the branch {branch}")
        return str(answer.body["object"]["sha"])

    def open_pulls(self, branch: str) -> tuple[Pull, ...]:
        """The open pull requests from a branch of this repository. Raises GitHubError."""
        owner = self._repo.partition("/")[0]
        path = f"/repos/{self._repo}/pulls?state=open&per_page=100&head={quote(f'{owner}:{branch}', safe='')}"
        answer = self._courier.send(get(path))
        if not answer.ok or not isinstance(answer.body, list):
            raise answer.error(f"list the pull requests of {branch}")
        return tuple(pull for data in answer.body if (pull := read.rest_pull(data)).head == branch)

    def apply(self, effects: Sequence[Effect], snapshot: Snapshot) -> tuple[Applied, ...]:
        """Do `effects` in order, neighbours in one request; one `Applied` each. Never raises for GitHub's no."""
        place = Place(snapshot, self._ids, self._scope.workflow)
        return self._courier.tell(apply_effects(effects, place))

    def _read(self, wanted: Wanted) -> Snapshot:
        snapshot, self._memory = self._courier.tell(read_on(wanted, self._ids))
        self._repo = snapshot.repo
        return snapshot
