"""Effects → GraphQL mutations. Pure: one effect becomes a few `Mutation`s, many mutations become one document.

Ids must be there already (`apply` looks up what is missing); texts travel as variables, never inside the document.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.effects import (
    Assign,
    CloseIssue,
    DropComment,
    Effect,
    PostComment,
    PutStatus,
    React,
    ReleaseClaim,
    ReplyInThread,
    SetLabels,
)
from bot.core.model import Json
from bot.core.names import LABEL_LOOKS, claim_branch
from bot.github.exchange import GRAPHQL, Request
from bot.github.wanted import NodeIds

ZERO = "0" * 40
_CONTENTS = {"eyes": "EYES", "confused": "CONFUSED"}
_NEW_COMMENT = "commentEdge { node { id } }"
_LOOKS = {str(name): looks for name, looks in LABEL_LOOKS.items()}
_PLAIN = ("ededed", "")


@dataclass(frozen=True, slots=True)
class Mutation:
    """One field of a mutation document."""

    field: str
    """`addComment`, …; its input type is `AddCommentInput`."""
    input: Json
    selection: str = "clientMutationId"
    creates: int = 0

    @property
    def input_type(self) -> str:
        """GitHub's naming rule."""
        return f"{self.field[0].upper()}{self.field[1:]}Input!"


class Missing(Exception):
    """A node id that is needed is not known: the issue, label or person is not there (any more). Its text says what."""


def is_mutation(effect: Effect, ids: NodeIds) -> bool:
    """Whether an effect can share a document with its neighbours."""
    if isinstance(effect, Assign):
        return effect.login.lower() in ids.users
    one_by_one = SetLabels | PutStatus | PostComment | DropComment | React | ReplyInThread | ReleaseClaim | CloseIssue
    return isinstance(effect, one_by_one)


def issues_of(effect: Effect) -> tuple[int, ...]:
    """Numbers of the issues and pull requests whose node ids an effect needs."""
    match effect:
        case PutStatus(comment_node_id=known) if known:
            return ()
        case SetLabels(issue=number) | PutStatus(issue=number) | PostComment(issue=number) | CloseIssue(issue=number):
            return (number,)
        case Assign(pull=number):
            return (number,)
        case _:
            return ()


def mutations(effect: Effect, ids: NodeIds) -> tuple[Mutation, ...]:
    """What an effect comes to; nothing where there is nothing to do. Raises `Missing`."""
    match effect:
        case SetLabels():
            return _set_labels(effect, ids)
        case PutStatus(comment_node_id=known) if known:
            return (Mutation("updateIssueComment", {"id": known, "body": effect.body}, creates=1),)
        case PutStatus() | PostComment():
            return (_comment(_issue_id(effect.issue, ids), effect.body),)
        case DropComment():
            return (Mutation("deleteIssueComment", {"id": effect.comment_node_id}),)
        case React():
            content = _CONTENTS[effect.content]
            return (Mutation("addReaction", {"subjectId": effect.comment_node_id, "content": content}, creates=1),)
        case ReplyInThread():
            given = {"pullRequestReviewThreadId": effect.thread, "body": effect.body}
            return (Mutation("addPullRequestReviewThreadReply", given, creates=1),)
        case ReleaseClaim():
            return _release(effect, ids)
        case Assign():
            people = [ids.users[effect.login.lower()]]
            subject = _issue_id(effect.pull, ids)
            return (Mutation("addAssigneesToAssignable", {"assignableId": subject, "assigneeIds": people}),)
        case CloseIssue():
            subject = _issue_id(effect.issue, ids)
            return (Mutation("closeIssue", {"issueId": subject, "stateReason": "COMPLETED"}),)
        case _:
            raise TypeError(f"not a mutation: {type(effect).__name__}")


def create_label(name: str, ids: NodeIds) -> Mutation:
    """Make a label with its colour and description."""
    return Mutation("createLabel", {"repositoryId": ids.repository, **label_fields(name)}, "label { id }")


def label_fields(name: str) -> Json:
    """How a label is to look; the same words in REST and GraphQL."""
    color, description = _LOOKS.get(name, _PLAIN)
    return {"name": name, "color": color, "description": description}


def document(batch: Sequence[Mutation]) -> Request:
    """One request that does `batch` in order: aliases `m0`, `m1`, … and a variable for each input.

    GitHub runs the fields of a mutation one after the other, each on its own:
    https://spec.graphql.org/October2021/#sec-Mutation
    """
    declared = ", ".join(f"$i{index}: {mutation.input_type}" for index, mutation in enumerate(batch))
    fields = " ".join(
        f"m{index}: {mutation.field}(input: $i{index}) {{ {mutation.selection} }}"
        for index, mutation in enumerate(batch)
    )
    body: Json = {
        "query": f"mutation({declared}) {{ {fields} }}",
        "variables": {f"i{index}": mutation.input for index, mutation in enumerate(batch)},
    }
    return Request("POST", GRAPHQL, body, creates=sum(mutation.creates for mutation in batch))


def _set_labels(effect: SetLabels, ids: NodeIds) -> tuple[Mutation, ...]:
    subject = _issue_id(effect.issue, ids)
    absent = [name for name in effect.add if name not in ids.labels]
    if absent:
        raise Missing(f"the label {absent[0]} does not exist and could not be made")
    found = []
    if effect.add:
        given = {"labelableId": subject, "labelIds": [ids.labels[name] for name in effect.add]}
        found.append(Mutation("addLabelsToLabelable", given))
    # A label that the repository doesn't have can't be on the issue.
    removed = [ids.labels[name] for name in effect.remove if name in ids.labels]
    if removed:
        found.append(Mutation("removeLabelsFromLabelable", {"labelableId": subject, "labelIds": removed}))
    return tuple(found)


def _comment(subject: str, body: str) -> Mutation:
    return Mutation("addComment", {"subjectId": subject, "body": body}, _NEW_COMMENT, creates=1)


def _release(effect: ReleaseClaim, ids: NodeIds) -> tuple[Mutation, ...]:
    """Delete the claim only if it is still the one that was read: two plans may both find it stale.

    `updateRefs` compares before it deletes: https://docs.github.com/en/graphql/reference/mutations#updaterefs
    """
    oid = ids.claims.get(effect.issue)
    if not oid:
        return ()
    update = {"name": f"refs/heads/{claim_branch(effect.issue)}", "beforeOid": oid, "afterOid": ZERO}
    return (Mutation("updateRefs", {"repositoryId": ids.repository, "refUpdates": [update]}),)


def _issue_id(number: int, ids: NodeIds) -> str:
    if number not in ids.issues:
        raise Missing(f"#{number} is not there")
    return ids.issues[number]
