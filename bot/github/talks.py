"""What is said on our open pull requests, as it comes with their branches: conversations, reviews, checks."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from bot.core.branches import choose_branch
from bot.core.model import CheckSuite, Feedback, Json, Pull, Review, Snapshot
from bot.core.names import RUN_TRAILER
from bot.github import queries, read
from bot.github.wanted import TalksWanted, Wanted


class Talks:
    """Our open pull requests with what is said on them, by number."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._asked = wanted.talks.pulls
        self._found: dict[int, Json] = {}

    @property
    def selection(self) -> str:
        """What is asked for of an open pull request; empty: nothing."""
        wanted = self._wanted
        checks = wanted.checks and wanted.talks.checks
        return queries.talk(reviews=wanted.reviews, checks=checks) if self._asked else ""

    def ask_for(self, pulls: Mapping[int, Pull]) -> bool:
        """Whether the branches have to be asked for again, now that one of them has an open pull request after all."""
        if self._asked or not any(self._concerns(pull.head) for pull in pulls.values() if pull.open):
            return False
        self._asked = True
        return True

    def for_the_next(self, pulls: Mapping[int, Pull], config_text: str | None) -> TalksWanted:
        """What the next look need not ask for: GitHub's price goes by what is asked for, whatever is there."""
        return TalksWanted(any(pull.open for pull in pulls.values()), "fix_ci" in (config_text or ""))

    def _concerns(self, branch: str) -> bool:
        return self._wanted.everything or read.issue_of_branch(branch) in self._wanted.focus

    def take(self, branch: str, talks: Iterable[Json], tip: Json) -> Iterable[Json]:
        """Keep the pull requests of a branch, which is at `tip`; those that this read is about."""
        if not self._concerns(branch):
            return ()
        found = {int(talk["number"]): {**talk, "tip": tip} for talk in talks}
        self._found.update(found)
        return found.values()

    def spoken_of(self, pulls: Mapping[int, Pull]) -> set[int]:
        """Issues on whose pull request there is something that may ask for a run."""
        return {
            read.issue_of_branch(pulls[number].head)
            for number, talk in self._found.items()
            if read.nodes(talk.get("reviews"))
            or any("/ai" in str(each["body"]) for each in read.nodes(talk["comments"]))
        }

    def laid_over(self, snapshot: Snapshot, details: Mapping[int, Json]) -> Snapshot:
        """`snapshot` with the feedback of each issue in `details` (as they were read, earlier comments included)."""
        ours = (pull for pull in snapshot.pulls if pull.number in self._found)
        issues = {read.issue_of_branch(pull.head) for pull in ours} & details.keys()
        found = {number: self._of(snapshot, details, number) for number in issues}
        spoken = {n: replace(snapshot.issues[n], feedback=said) for n, said in found.items() if said is not None}
        return replace(snapshot, issues=MappingProxyType({**snapshot.issues, **spoken})) if spoken else snapshot

    def _of(self, snapshot: Snapshot, details: Mapping[int, Json], issue: int) -> Feedback | None:
        """What is said on the pull request that a run of this issue would go on with."""
        pull = None if snapshot.issues[issue].is_pull else choose_branch(snapshot, issue).pull
        talk = self._found.get(pull.number) if pull is not None else None
        if talk is None:
            return None
        comments = details[int(talk["number"])]["comments"]  # with their earlier pages
        return _feedback({**talk, "comments": comments}, self._wanted.workflow)


def _feedback(pull: Json, workflow: str) -> Feedback:
    """What is said on our open pull request, whose branch is at `tip`; `workflow`: file name of our caller workflow."""
    tip: Json = pull["tip"]
    oid = str(tip.get("oid") or "")
    checked = (node["commit"] for node in read.nodes(pull.get("commits")))
    suites = next((commit.get("checkSuites") for commit in checked if commit["oid"] == oid), None)
    return Feedback(
        pull=int(pull["number"]),
        head_oid=oid,
        head_run=_run_named(str(tip.get("message") or "")),
        comments=tuple(
            sorted(map(read.comment, read.nodes(pull["comments"])), key=lambda one: (one.created_at, one.id))
        ),
        reviews=tuple(sorted(map(_review, read.nodes(pull.get("reviews"))), key=lambda one: (one.at, one.id))),
        suites=tuple(_check_suite(node, workflow) for node in read.nodes(suites)),
    )


def _review(data: Json) -> Review:
    """A node of `Opinions`."""
    return Review(
        id=int(data.get("fullDatabaseId") or 0),
        author=read.actor(data["author"]),
        state=str(data["state"]).lower(),
        body=str(data["body"] or ""),
        at=read.when(data["submittedAt"]),
    )


def _check_suite(data: Json, workflow: str) -> CheckSuite:
    """A check suite of `CheckedTip`."""
    run = data.get("workflowRun") or {}
    path = str((run.get("workflow") or {}).get("resourcePath") or "")
    return CheckSuite(
        status=str(data["status"]).lower(),
        conclusion=str(data.get("conclusion") or "").lower(),
        at=read.when(data["updatedAt"]),
        from_actions=bool(run),
        caller=path.endswith(f"/{workflow}"),
    )


def _run_named(message: str) -> str:
    """The run key in a commit's trailer."""
    found = re.search(rf"^{RUN_TRAILER}: (\S+)[ \t]*\Z", message.rstrip("\n"), re.MULTILINE)
    return found[1] if found else ""
