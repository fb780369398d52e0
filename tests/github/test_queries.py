"""Every document we send is one that GitHub's published schema allows, and small enough for its limits."""

from datetime import UTC, datetime

import pytest
from graphql import DocumentNode, FieldNode, FragmentSpreadNode, GraphQLSchema, build_schema, parse, validate
from graphql.language import FragmentDefinitionNode, IntValueNode, SelectionSetNode

from bot.core.effects import (
    Assign,
    CloseIssue,
    DropComment,
    PostComment,
    PutStatus,
    React,
    ReleaseClaim,
    ReplyInThread,
    SetLabels,
)
from bot.core.model import Pull, Ref
from bot.github import conversation, mutations, queries
from bot.github.wanted import NodeIds
from bot.sandbox.graphql import schema as sandbox_schema
from tests.npm import installed, needs_npm

SINCE = datetime(2026, 11, 21, tzinfo=UTC)
PULL = Pull(31, "ai/issue-7", "main", open=True, merged=False, draft=True, head_oid="0" * 40, url="", node_id="PR_1")
IDS = NodeIds("R_1", "t", {name: f"LA_{name}" for name in queries.OUR_LABELS}, {7: "I_7", 31: "PR_1"}, {"ada": "U_1"})
IDS.claims[7] = "a" * 40
EFFECTS = (
    SetLabels(7, add=("ai-running",), remove=("ai-ready",)),
    PutStatus(7, "text"),
    PutStatus(7, "text", "IC_1"),
    PostComment(7, "text"),
    DropComment(7, "IC_1"),
    React("IC_1", "eyes"),
    ReplyInThread("PRRT_1", "text"),
    ReleaseClaim(7),
    Assign(31, "ada"),
    CloseIssue(7),
)

PARTS = [
    queries.basics(),
    queries.open_issues(""),
    queries.asked_issues(""),
    queries.recent_issues("", since=SINCE),
    queries.closed_issues(),
    queries.our_refs("", talks=queries.talk(reviews=True, checks=True)),
    queries.recent_pulls(),
    queries.one_issue(7),
]
DOCUMENTS = {
    "first": queries.document("acme/shop", PARTS, others=[queries.viewer()]),
    "without native dependencies": queries.document("acme/shop", PARTS, others=[queries.viewer()], native=False),
    "what changed": queries.document(
        "acme/shop", [queries.basics(), queries.changed_issues("", since=SINCE), queries.tide()]
    ),
    "next pages": queries.document(
        "acme/shop",
        [
            queries.changed_issues("c", since=SINCE),
            queries.open_issues('a"b'),
            queries.asked_issues("c"),
            queries.recent_issues("c", since=SINCE, oldest_first=True),
            queries.our_refs("c"),
            queries.more_comments(7, "c"),
            queries.more_events(7, "c"),
            queries.pulls_of(7),
        ],
    ),
    "conversation": conversation.page("acme/shop", 31),
    "earlier conversations": conversation.page("acme/shop", 31, "c"),
    "a text": queries.document("acme/shop", [queries.body_of(7)]),
    "board": str(
        (mutations.document([mutations.Mutation("updateIssue", {"id": "I_7", "body": "text"})]).body or {})["query"]
    ),
    "node ids": queries.document("acme/shop", queries.node_ids([7, 31], ["ai-ready", "größe: XL"])),
    "standings": queries.document("", (), others=queries.standings([Ref("acme/shop", 5), Ref("other/repo", 6)])),
    "mutations": str(
        (mutations.document([change for effect in EFFECTS for change in mutations.mutations(effect, IDS)]).body or {})[
            "query"
        ]
    ),
    "texts": queries.document(
        "acme/shop",
        [queries.text_of(7), queries.blockers_of(7), queries.issue_texts("c")],
        others=[queries.comment("IC_1")],
    ),
    "issues": str(
        (
            mutations.document(
                [
                    mutations.Mutation(field, {}, selection)
                    for field, selection in (
                        ("createIssue", "issue { id number }"),
                        ("addSubIssue", "clientMutationId"),
                        ("addBlockedBy", "clientMutationId"),
                    )
                ]
            ).body
            or {}
        )["query"]
    ),
    "labels": str((mutations.document([mutations.create_label("ai-ready", IDS)]).body or {})["query"]),
}
PUBLISHED = ("@octokit/graphql-schema", "15.26.1")
NEWER = """
extend type Issue {
  blockedBy(after: String, before: String, first: Int, last: Int): IssueConnection!
  issueDependenciesSummary: IssueDependenciesSummary!
}
type IssueDependenciesSummary { blockedBy: Int! blocking: Int! totalBlockedBy: Int! totalBlocking: Int! }
extend type Mutation { addBlockedBy(input: AddBlockedByInput!): AddBlockedByPayload }
input AddBlockedByInput { blockingIssueId: ID! clientMutationId: String issueId: ID! }
type AddBlockedByPayload { blockingIssue: Issue clientMutationId: String issue: Issue }
"""
"""Issue dependencies came after that package (docs.github.com/en/graphql/overview/changelog, 2025-07-30, 2025-10-15)."""


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_fits_the_sandbox(name: str) -> None:
    """What we ask is valid GraphQL, without unused fragments, fields or arguments that nobody has."""
    assert validate(sandbox_schema(), parse(DOCUMENTS[name])) == []


@pytest.fixture(scope="module")
def published() -> GraphQLSchema:
    text = (installed(*PUBLISHED) / "schema.graphql").read_text()
    return build_schema(text + NEWER, assume_valid=True)


@needs_npm[0]
@needs_npm[1]
@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_fits_the_published_schema(name: str, published: GraphQLSchema) -> None:
    """GitHub's own schema has every field and argument we use, with the types we give them."""
    assert validate(published, parse(DOCUMENTS[name])) == []


def test_a_server_without_dependencies_is_not_asked_for_them() -> None:
    """The fallback document names neither of the newer fields."""
    text = DOCUMENTS["without native dependencies"]

    assert "blockedBy" in DOCUMENTS["first"]
    assert "blockedBy" not in text
    assert "issueDependenciesSummary" not in text


@pytest.mark.parametrize("name", ["first", "next pages"])
def test_documents_stay_below_the_node_limit(name: str) -> None:
    """GitHub counts the most nodes a document could ask for, and refuses 500,000; we stay below a fifth."""
    document = parse(DOCUMENTS[name])
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}

    assert 5_000 < _nodes(_operation(document), 1, fragments) < 100_000


def test_owner_and_cursor_cannot_break_out_of_their_quotes() -> None:
    """Text from outside is a string literal, whatever is in it."""
    text = queries.document('acme"){x}/sh\\op', [queries.open_issues('"]}')])

    assert validate(sandbox_schema(), parse(text)) == []
    assert 'owner: "acme\\"){x}"' in text


def test_references_are_grouped_by_repository_without_repeats() -> None:
    """One selection for a repository, numbers in order, each once."""
    refs = [Ref("b/b", 9), Ref("a/a", 2), Ref("b/b", 3), Ref("b/b", 9)]

    assert queries.by_repo(refs) == [("a/a", [2]), ("b/b", [3, 9])]


def _operation(document: DocumentNode) -> SelectionSetNode:
    first = document.definitions[0]
    found = getattr(first, "selection_set", None)
    assert isinstance(found, SelectionSetNode)
    return found


def _nodes(selection: SelectionSetNode, times: int, fragments: dict[str, FragmentDefinitionNode]) -> int:
    """Nodes at most: every connection's page size times those above it."""
    total = 0
    for node in selection.selections:
        if isinstance(node, FragmentSpreadNode):
            total += _nodes(fragments[node.name.value].selection_set, times, fragments)
            continue
        inner = getattr(node, "selection_set", None)
        sizes = [
            int(argument.value.value)
            for argument in (node.arguments or () if isinstance(node, FieldNode) else ())
            if argument.name.value in ("first", "last") and isinstance(argument.value, IntValueNode)
        ]
        below = times * (sizes[0] if sizes else 1)
        total += below if sizes else 0
        total += _nodes(inner, below, fragments) if inner is not None else 0
    return total
