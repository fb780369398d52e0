"""What is said on our open pull requests, as it comes with their branches: conversations, reviews, checks."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from bot.core.branches import choose_branch
from bot.core.model import CheckSuite, Feedback, Json, Pull, Review, Snapshot
from bot.core.names import RUN_TRAILER
from bot.github import read


class Talks:
    """Our open pull requests with what is said on them, by number."""

    def __init__(self, workflow: str) -> None:
        self._workflow = workflow
        """File name of our caller workflow."""
        self._found: dict[int, Json] = {}

    def take(self, talks: Iterable[Json], tip: Json) -> None:
        """Keep the pull requests of a branch; `tip`: the commit that it is at."""
        self._found.update({int(talk["number"]): {**talk, "tip": tip} for talk in talks})

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
        return _feedback({**talk, "comments": comments}, self._workflow)


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
