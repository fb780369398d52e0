"""The sandbox's GraphQL: a true subset of GitHub's, with GitHub's pages, refusals and permissions."""

from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
)

from bot.sandbox import graphql
from bot.sandbox.errors import Refused
from bot.sandbox.pulls import part
from bot.sandbox.records import Issue
from bot.sandbox.repos import ZERO
from bot.sandbox.runs import WorkflowRun
from bot.sandbox.tokens import Token
from tests.npm import installed, needs_npm
from tests.sandbox.world import World

NEWER = {("Issue", "blockedBy"), ("Issue", "issueDependenciesSummary"), ("Mutation", "addBlockedBy")}
NEWER_TYPES = {
    *("IssueDependenciesSummary", "IssueDependencyOrder", "IssueDependencyOrderField"),
    *("AddBlockedByInput", "AddBlockedByPayload"),
}
"""Issue dependencies came after the published package (GitHub's GraphQL changelog, 2025-07-30 and 2025-10-15)."""


def ask(world: World, query: str, token: Token | None = None, **variables: Any) -> dict[str, Any]:
    return graphql.execute(world.hub, token or world.by("ada"), query, variables or None)


def repository(world: World, inside: str, token: Token | None = None) -> dict[str, Any]:
    """The whole answer to a query about acme/shop."""
    return ask(world, f'query {{ repository(owner: "acme", name: "shop") {{ {inside} }} }}', token)


def data(world: World, inside: str, token: Token | None = None) -> dict[str, Any]:
    answer = repository(world, inside, token)
    assert "errors" not in answer, answer["errors"]
    found: dict[str, Any] = answer["data"]["repository"]
    return found


def job(world: World, **permissions: str) -> Token:
    return world.hub.tokens.for_job(world.shop, permissions, job="gate")


def mutate(world: World, field: str, given: dict[str, Any], token: Token | None = None) -> dict[str, Any]:
    kind = field[0].upper() + field[1:] + "Input!"
    query = f"mutation($i: {kind}) {{ m: {field}(input: $i) {{ clientMutationId }} }}"
    return ask(world, query, token, i=given)


# ------------------------------------------------------------------------------------------- schema


@pytest.fixture(scope="module")
def published() -> GraphQLSchema:
    text = (installed("@octokit/graphql-schema", "15.26.1") / "schema.graphql").read_text()
    return build_schema(text, assume_valid=True)


def shape(schema: GraphQLSchema) -> set[str]:
    """Every type, field, argument, enum value and membership of a schema, each as one line."""
    lines = set()
    for name, kind in schema.type_map.items():
        if name.startswith("__"):
            continue
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            lines |= {f"{name} implements {interface.name}" for interface in kind.interfaces}
            for field, what in kind.fields.items():
                lines.add(f"{name}.{field}: {what.type}")
                lines |= {f"{name}.{field}({argument}: {spec.type})" for argument, spec in what.args.items()}
        elif isinstance(kind, GraphQLInputObjectType):
            lines |= {f"{name}.{field}: {what.type}" for field, what in kind.fields.items()}
        elif isinstance(kind, GraphQLEnumType):
            lines |= {f"{name}={value}" for value in kind.values}
        elif isinstance(kind, GraphQLUnionType):
            lines |= {f"{name}|{member.name}" for member in kind.types}
        else:
            lines.add(f"scalar {name}")
    return lines


@needs_npm[0]
@needs_npm[1]
def test_the_schema_is_a_subset_of_githubs(published: GraphQLSchema) -> None:
    """Same types, same nullability, same arguments: a query that runs here runs there."""
    beyond = {
        line
        for line in shape(graphql.schema()) - shape(published)
        if not any(line.startswith(f"{owner}.{field}") for owner, field in NEWER)
        and line.split(".")[0].split("=")[0] not in NEWER_TYPES
    }

    assert beyond == set()


@needs_npm[0]
@needs_npm[1]
def test_required_arguments_are_all_there(published: GraphQLSchema) -> None:
    """A field that GitHub refuses without an argument is refused here as well."""
    for name, kind in graphql.schema().type_map.items():
        theirs = published.type_map.get(name)
        if not isinstance(kind, GraphQLObjectType) or not isinstance(theirs, GraphQLObjectType):
            continue
        for field in kind.fields.keys() & theirs.fields.keys():
            assert kind.fields[field].args.keys() == theirs.fields[field].args.keys(), f"{name}.{field}"


def test_every_field_has_somebody_who_answers_it(world: World) -> None:
    """A field of the schema that nobody wrote fails loudly; here each is asked for once."""
    hub, ada = world.hub, world.by("ada")
    issue, pull = world.issue(body="text"), world.pull()
    hub.issues.add_labels(issue, ["ai-ready"], ada)
    hub.issues.edit(issue, ada, title="Log out")
    hub.issues.set_milestone(issue, hub.repos.create_milestone(world.shop, "v1", ada).number, ada)
    hub.issues.add_comment(issue, ada, "hello")
    hub.issues.add_comment(pull, ada, "hello")
    hub.issues.assign(issue, ["bob"], ada)
    hub.links.block(issue, world.issue("blocker"), ada)
    review = hub.reviews.submit(pull, ada, body="hm", comments=[{"path": "1.txt", "line": 1, "body": "why?"}])
    assert review.state == "COMMENTED"
    hub.reviews.answer(part(pull).threads[0], world.by("bob"), "because")
    _ci(world, pull)

    assert "errors" not in ask(world, _everything(graphql.schema()))


def _ci(world: World, pull: Issue, conclusion: str = "failure") -> WorkflowRun:
    actions = world.hub.actions
    workflow = actions.workflow(world.shop, ".github/workflows/ci.yml")
    run = actions.create_run(world.shop, workflow, event="pull_request", actor=pull.user, ref=part(pull).head)
    actions.update_job(actions.add_job(run, "ci"), status="completed", conclusion=conclusion)
    actions.update_run(run, status="completed", conclusion=conclusion)
    return run


def test_a_pull_requests_reviews_conversations_and_checks(world: World) -> None:
    hub, pull = world.hub, world.pull()
    hub.reviews.submit(
        pull, world.by("ada"), event="REQUEST_CHANGES", body="no", comments=[{"path": "1.txt", "line": 1, "body": "?"}]
    )
    hub.reviews.submit(pull, world.by("ada"), body="hm")
    run = _ci(world, pull)

    shown = data(
        world,
        f"""pullRequest: issueOrPullRequest(number: {pull.number}) {{ ... on PullRequest {{
        reviews(last: 9, states: [CHANGES_REQUESTED]) {{ nodes {{ body state author {{ login }} commit {{ oid }} }} }}
        reviewThreads(first: 9) {{ nodes {{ isResolved isOutdated path line
          comments(first: 9) {{ nodes {{ body pullRequestReview {{ state }} }} }} }} }}
        commits(last: 1) {{ nodes {{ commit {{ oid checkSuites(last: 9) {{ nodes {{ databaseId status conclusion
          workflowRun {{ workflow {{ resourcePath }} }}
          checkRuns(first: 9, filterBy: {{conclusions: [FAILURE]}}) {{ nodes {{ name }} }} }} }} }} }} }} }} }}""",
    )["pullRequest"]

    head = part(pull).head_oid
    review = {"body": "no", "state": "CHANGES_REQUESTED", "author": {"login": "ada"}, "commit": {"oid": head}}
    assert shown["reviews"]["nodes"] == [review]
    said = {"body": "?", "pullRequestReview": {"state": "CHANGES_REQUESTED"}}
    thread = {"isResolved": False, "isOutdated": False, "path": "1.txt", "line": 1, "comments": {"nodes": [said]}}
    assert shown["reviewThreads"]["nodes"] == [thread]
    suite = {
        "databaseId": run.id,
        "status": "COMPLETED",
        "conclusion": "FAILURE",
        "workflowRun": {"workflow": {"resourcePath": "/acme/shop/actions/workflows/ci.yml"}},
        "checkRuns": {"nodes": [{"name": "ci"}]},
    }
    assert shown["commits"]["nodes"] == [{"commit": {"oid": head, "checkSuites": {"nodes": [suite]}}}]


def test_checks_need_their_own_permission(world: World) -> None:
    pull = world.pull()
    asked = (
        f"p: issueOrPullRequest(number: {pull.number}) {{ ... on PullRequest {{ number "
        "commits(last: 1) { nodes { commit { checkSuites(last: 1) { nodes { status } } } } } } }"
    )

    answer = repository(world, asked, job(world, pull_requests="read", contents="read"))

    assert answer["errors"][0]["type"] == "FORBIDDEN"
    assert answer["data"]["repository"]["p"]["commits"]["nodes"] == [{"commit": {"checkSuites": None}}]


def test_a_conversation_is_answered_and_resolved(world: World) -> None:
    pull = world.pull()
    world.hub.reviews.submit(pull, world.by("ada"), comments=[{"path": "1.txt", "line": 1, "body": "?"}])
    thread = part(pull).threads[0]
    bot = job(world, pull_requests="write")

    reply = {"pullRequestReviewThreadId": thread.node_id, "body": "because"}
    assert "errors" not in mutate(world, "addPullRequestReviewThreadReply", reply, bot)
    assert "errors" not in mutate(world, "resolveReviewThread", {"threadId": thread.node_id}, bot)
    refused = mutate(world, "addPullRequestReviewThreadReply", reply, job(world, pull_requests="read"))

    assert [comment.body for comment in thread.comments] == ["?", "because"]
    assert thread.resolved_by is bot.user
    assert refused["errors"][0]["type"] == "FORBIDDEN"


def _everything(schema: GraphQLSchema) -> str:
    """A query for every field of every object reachable from the repository, two levels of issues deep."""

    def select(kind: Any, depth: int) -> str:
        while hasattr(kind, "of_type"):
            kind = kind.of_type
        if isinstance(kind, GraphQLUnionType | GraphQLInterfaceType):
            kinds = schema.get_possible_types(kind)
            # One alias per type: the same name may have different types in different members.
            return "{ __typename " + " ".join(f"... on {one.name} {select(one, depth)}" for one in kinds) + " }"
        if not isinstance(kind, GraphQLObjectType):
            return ""
        fields = []
        for name, field in kind.fields.items():
            inner = field.type
            while hasattr(inner, "of_type"):
                inner = inner.of_type
            nested = isinstance(inner, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType)
            if nested and depth == 0:
                continue
            arguments = [f"{name_}: {ARGUMENTS[name_]}" for name_ in field.args if name_ in ARGUMENTS]
            given = f"({', '.join(arguments)})" if arguments else ""
            fields.append(f"{kind.name}_{name}: {name}{given} {select(inner, depth - 1) if nested else ''}")
        return "{ " + " ".join(fields) + " }"

    return f'query {{ viewer {select(schema.type_map["User"], 1)} repository(owner: "acme", name: "shop") ' + (
        select(schema.type_map["Repository"], 4) + " }"
    )


ARGUMENTS = {
    "first": "5",
    "number": "1",
    "name": '"ai-ready"',
    "refPrefix": '"refs/heads/"',
    "qualifiedName": '"main"',
    "expression": '"HEAD:README.md"',
}


@pytest.mark.parametrize(
    ("query", "words", "code"),
    [
        ("query { viewer { nickname } }", "Field 'nickname' doesn't exist on type 'User'", "undefinedField"),
        ("query { viewer { login }", "Syntax Error: Expected Name, found <EOF>.", None),
        ("query { viewer { login } } fragment F on User { id }", "Fragment 'F' is never used.", None),
    ],
    ids=["unknown field", "syntax", "unused fragment"],
)
def test_what_is_no_query_is_refused_without_data(world: World, query: str, words: str, code: str | None) -> None:
    """As GitHub: 200 with `errors`, and a code by which an unknown field can be told."""
    answer = ask(world, query)

    assert "data" not in answer
    assert answer["errors"][0]["message"] == words
    assert answer["errors"][0].get("extensions", {}).get("code") == code


@pytest.mark.parametrize("query", [None, "", 7, ["query"]])
def test_a_body_without_a_query_is_400(world: World, query: Any) -> None:
    with pytest.raises(Refused) as caught:
        graphql.execute(world.hub, world.by("ada"), query)

    assert caught.value.status == 400


def test_nobody_gets_401(world: World) -> None:
    """GitHub's GraphQL has no anonymous access, also for public things."""
    with pytest.raises(Refused) as caught:
        ask(world, "query { viewer { login } }", world.hub.tokens.anonymous())

    assert caught.value.status == 401


# -------------------------------------------------------------------------------------------- reads


def test_a_jobs_token_is_github_actions(world: World) -> None:
    """It may ask who it is, though it can't `GET /user`."""
    answer = ask(world, "query { viewer { login databaseId } }", job(world))

    assert answer["data"]["viewer"] == {"login": "github-actions[bot]", "databaseId": 41898282}


def test_authors_have_types_and_bots_no_suffix(world: World) -> None:
    hub, issue = world.hub, world.issue()
    hub.issues.add_comment(issue, job(world, issues="write"), "beep")
    hub.issues.add_comment(issue, hub.tokens.acting_as(hub.ghost), "boo")
    inside = "author { __typename login ... on Bot { databaseId } ... on User { databaseId } }"

    found = data(world, f"issue(number: 1) {{ {inside} comments(first: 9) {{ nodes {{ {inside} }} }} }}")["issue"]

    assert found["author"] == {"__typename": "User", "login": "ada", "databaseId": hub.user("ada").id}
    assert [node["author"] for node in found["comments"]["nodes"]] == [
        {"__typename": "Bot", "login": "github-actions", "databaseId": 41898282},
        None,
    ]


@pytest.mark.parametrize(
    ("inside", "words", "path"),
    [
        ("issue(number: 9) { id }", "Could not resolve to an Issue with the number of 9.", ["repository", "issue"]),
        ("issue(number: 2) { id }", "Could not resolve to an Issue with the number of 2.", ["repository", "issue"]),
        (
            "x: issueOrPullRequest(number: 9) { __typename }",
            "Could not resolve to an issue or pull request with the number of 9.",
            ["repository", "x"],
        ),
    ],
    ids=["issue", "issue, but it is a pull request", "alias"],
)
def test_what_is_not_there_is_null_with_an_error(world: World, inside: str, words: str, path: list[str]) -> None:
    """The rest of the answer is there; `type` and `path` say what is missing."""
    world.issue()
    world.pull()

    answer = repository(world, f"nameWithOwner {inside}")

    assert answer["data"]["repository"]["nameWithOwner"] == "acme/shop"
    (error,) = answer["errors"]
    assert (error["type"], error["message"], error["path"]) == ("NOT_FOUND", words, path)


@pytest.mark.parametrize("name", ["nothing", "secret"])
def test_private_and_missing_repositories_look_the_same(world: World, name: str) -> None:
    world.hub.create_repo("acme/secret", "ada", files={}, private=True)

    answer = ask(world, f'query {{ repository(owner: "acme", name: "{name}") {{ id }} }}', job(world, issues="read"))

    assert answer["data"] == {"repository": None}
    assert answer["errors"][0]["message"] == f"Could not resolve to a Repository with the name 'acme/{name}'."
    assert answer["errors"][0]["type"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("inside", "needed"),
    [
        ("issues(first: 1) { totalCount }", "issues"),
        ("issue(number: 1) { id }", "issues"),
        ("pullRequests(first: 1) { totalCount }", "pull_requests"),
        ('refs(first: 1, refPrefix: "refs/heads/") { totalCount }', "contents"),
        ('object(expression: "HEAD:README.md") { oid }', "contents"),
        ("issueOrPullRequest(number: 2) { __typename }", "pull_requests"),
    ],
)
def test_reads_need_the_permission(world: World, inside: str, needed: str) -> None:
    """A job that asked for nothing reads nothing."""
    world.issue()
    world.pull()
    others = {area: "read" for area in ("issues", "pull_requests", "contents") if area != needed}

    refused = repository(world, inside, job(world, **others))
    allowed = repository(world, inside, job(world, **others, **{needed: "read"}))

    assert (refused["errors"][0]["type"], refused["errors"][0]["message"]) == (
        "FORBIDDEN",
        "Resource not accessible by integration",
    )
    assert "errors" not in allowed


def test_pages_have_bounds(world: World) -> None:
    """No page without `first` or `last`, none beyond 100: GitHub's words for both."""
    answer = repository(world, "a: issues { totalCount }")
    beyond = repository(world, "a: issues(first: 101) { totalCount }")

    assert answer["errors"][0]["type"] == "MISSING_PAGINATION_BOUNDARIES"
    assert "`first` or `last`" in answer["errors"][0]["message"]
    assert beyond["errors"][0]["type"] == "EXCESSIVE_PAGINATION"


def test_pages_forwards_and_backwards(world: World) -> None:
    """Every item once, in order, whichever way; the cursor survives an item that disappears."""
    for index in range(7):
        world.issue(f"issue {index}")

    def page(arguments: str) -> tuple[list[int], dict[str, Any]]:
        info = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
        found = data(world, f"issues({arguments}) {{ nodes {{ number }} {info} }}")["issues"]
        return [node["number"] for node in found["nodes"]], found["pageInfo"]

    first, info = page("first: 3")
    second, more = page(f'first: 3, after: "{info["endCursor"]}"')
    last, back = page("last: 3")
    before, _ = page(f'last: 3, before: "{back["startCursor"]}"')
    world.hub.issues.delete(world.shop.issues[3], world.by("ada"))
    after_deletion, _ = page(f'first: 3, after: "{info["endCursor"]}"')

    assert (first, second, last, before) == ([1, 2, 3], [4, 5, 6], [5, 6, 7], [2, 3, 4])
    assert (info["hasNextPage"], info["hasPreviousPage"], more["hasPreviousPage"]) == (True, False, True)
    assert after_deletion == [5, 6, 7]
    assert "errors" in repository(world, 'issues(first: 3, after: "nonsense") { totalCount }')


def test_issue_filters(world: World) -> None:
    """States, *any* of the labels, `since`, and no pull requests among the issues."""
    hub, ada = world.hub, world.by("ada")
    old = world.issue("old")
    world.clock.advance(3600)
    one, two, closed = world.issue("one"), world.issue("two"), world.issue("closed")
    world.pull("feature-1")
    hub.issues.add_labels(one, ["a"], ada)
    hub.issues.add_labels(two, ["b"], ada)
    hub.issues.close(closed, ada)

    def listed(arguments: str) -> list[int]:
        return [
            node["number"]
            for node in data(world, f"issues(first: 9, {arguments}) {{ nodes {{ number }} }}")["issues"]["nodes"]
        ]

    assert listed('labels: ["a", "B"]') == [one.number, two.number]
    assert listed("states: [CLOSED]") == [closed.number]
    assert old.number not in listed('filterBy: {since: "2026-11-21T09:30:00Z"}')
    assert listed("orderBy: {field: CREATED_AT, direction: DESC}")[-1] == old.number


def test_a_duplicate_is_told_only_when_asked_for(world: World) -> None:
    issue = world.issue()
    world.hub.issues.close(issue, world.by("ada"), reason="duplicate")

    found = data(world, "issue(number: 1) { plain: stateReason asked: stateReason(enableDuplicate: true) }")["issue"]

    assert found == {"plain": "NOT_PLANNED", "asked": "DUPLICATE"}


def test_lists_are_late_where_the_fault_says_so_single_reads_are_not(world: World) -> None:
    """What a stale replica shows."""
    world.clock.advance(60)
    world.issue()
    world.hub.faults.stale(30)

    assert data(world, "issues(first: 9) { totalCount } issue(number: 1) { number }") == {
        "issues": {"totalCount": 0},
        "issue": {"number": 1},
    }


def test_config_branches_and_commits(world: World) -> None:
    """Files and commit messages come from git itself."""
    oid = world.hub.repos.commit_files(
        world.shop, "ai/claim-7", {"x": "1"}, world.by("ada"), message="ai-ready: run\n\n{}"
    )
    found = data(
        world,
        'object(expression: "HEAD:README.md") { ... on Blob { text byteSize isBinary isTruncated } } '
        'none: object(expression: "HEAD:.github/ai-ready.yml") { oid } '
        'refs(first: 9, refPrefix: "refs/heads/ai/") { nodes { prefix name target { oid ... on Commit { message } } } } '
        "defaultBranchRef { name target { ... on Commit { tree { oid } } } }",
    )

    assert found["object"] == {"text": "# Shop\n", "byteSize": 7, "isBinary": False, "isTruncated": False}
    assert found["none"] is None
    (ref,) = found["refs"]["nodes"]
    assert (ref["prefix"] + ref["name"], ref["target"]) == (
        "refs/heads/ai/claim-7",
        {"oid": oid, "message": "ai-ready: run\n\n{}"},
    )
    assert found["defaultBranchRef"]["name"] == "main"
    assert len(found["defaultBranchRef"]["target"]["tree"]["oid"]) == 40


def test_dependencies_count_what_the_list_may_not_show(world: World) -> None:
    hub, ada, issue = world.hub, world.by("ada"), world.issue()
    secret = hub.create_repo("acme/secret", "ada", files={}, private=True)
    hub.links.block(issue, world.issue("seen"), ada)
    hub.links.block(issue, hub.issues.create(secret, ada, title="hidden"), ada)
    inside = "issue(number: 1) { blockedBy(first: 9) { totalCount } issueDependenciesSummary { blockedBy } }"

    found = data(world, inside, job(world, issues="read"))["issue"]

    assert found == {"blockedBy": {"totalCount": 1}, "issueDependenciesSummary": {"blockedBy": 2}}


# ------------------------------------------------------------------------------------------- writes


def test_a_document_of_mutations_is_done_in_order_each_on_its_own(world: World) -> None:
    """The refused one in the middle says so at its path; the others are done."""
    issue = world.issue()
    query = (
        "mutation($a: AddCommentInput!, $b: AddCommentInput!, $c: AddCommentInput!) { "
        "a: addComment(input: $a) { commentEdge { node { body } } } b: addComment(input: $b) { clientMutationId } "
        "c: addComment(input: $c) { clientMutationId } }"
    )
    here, nowhere = {"subjectId": issue.node_id, "body": "one"}, {"subjectId": "I_nope", "body": "two"}

    answer = ask(world, query, a=here, b=nowhere, c={**here, "body": "three", "clientMutationId": "x"})

    assert answer["data"]["a"] == {"commentEdge": {"node": {"body": "one"}}}
    assert (answer["data"]["b"], answer["data"]["c"]) == (None, {"clientMutationId": "x"})
    (error,) = answer["errors"]
    assert (error["type"], error["path"]) == ("NOT_FOUND", ["b"])
    assert [comment.body for comment in issue.comments] == ["one", "three"]


@pytest.mark.parametrize(
    ("field", "needed"),
    [
        ("addComment", "issues"),
        ("addLabelsToLabelable", "issues"),
        ("removeLabelsFromLabelable", "issues"),
        ("updateIssueComment", "issues"),
        ("deleteIssueComment", "issues"),
        ("addReaction", "issues"),
        ("closeIssue", "issues"),
        ("createLabel", "issues"),
        ("addAssigneesToAssignable", "issues"),
        ("updatePullRequest", "pull_requests"),
        ("updateRefs", "contents"),
    ],
)
def test_writes_need_the_permission(world: World, field: str, needed: str) -> None:
    """Read access to everything writes nothing; exactly the one permission does."""
    hub, issue, pull = world.hub, world.issue(), world.pull()
    comment, label = hub.issues.add_comment(issue, world.by("bob"), "x"), hub.repos.create_label(world.shop, "l")
    oid = hub.repos.branch_oid(world.shop, "main")
    inputs: dict[str, dict[str, Any]] = {
        "addComment": {"subjectId": issue.node_id, "body": "y"},
        "addLabelsToLabelable": {"labelableId": issue.node_id, "labelIds": [label.node_id]},
        "removeLabelsFromLabelable": {"labelableId": issue.node_id, "labelIds": [label.node_id]},
        "updateIssueComment": {"id": comment.node_id, "body": "y"},
        "deleteIssueComment": {"id": comment.node_id},
        "addReaction": {"subjectId": comment.node_id, "content": "EYES"},
        "closeIssue": {"issueId": issue.node_id},
        "createLabel": {"repositoryId": world.shop.node_id, "name": "new", "color": "ffffff"},
        "addAssigneesToAssignable": {"assignableId": issue.node_id, "assigneeIds": [hub.user("bob").node_id]},
        "updatePullRequest": {"pullRequestId": pull.node_id, "body": "y"},
        "updateRefs": {
            "repositoryId": world.shop.node_id,
            "refUpdates": [{"name": "refs/heads/ai/x", "beforeOid": ZERO, "afterOid": oid}],
        },
    }
    reader = job(world, issues="read", pull_requests="read", contents="read", actions="write")
    writer = job(world, **{needed: "write"})

    refused = mutate(world, field, inputs[field], reader)
    allowed = mutate(world, field, inputs[field], writer)

    assert refused["data"] == {"m": None}
    assert (refused["errors"][0]["type"], refused["errors"][0]["path"]) == ("FORBIDDEN", ["m"])
    assert "errors" not in allowed


def test_a_pull_requests_conversation_takes_the_permission_for_those(world: World) -> None:
    pull = world.pull()
    given = {"subjectId": pull.node_id, "body": "y"}

    assert "errors" not in mutate(world, "addComment", given, job(world, pull_requests="write"))
    assert "errors" in mutate(world, "addComment", given, job(world, issues="write", pull_requests="read"))
    assert "errors" in mutate(world, "addComment", given, job(world, contents="write"))


def test_refs_change_all_or_none_and_only_from_where_they_were(world: World) -> None:
    """What releases a claim: compare, then delete."""
    hub, shop, ada = world.hub, world.shop, world.by("ada")
    main = hub.repos.branch_oid(shop, "main")
    other = hub.repos.commit_files(shop, "ai/one", {"x": "1"}, ada)

    def update(*changes: tuple[str, str | None, str]) -> dict[str, Any]:
        listed = [{"name": name, "beforeOid": before, "afterOid": after} for name, before, after in changes]
        return mutate(world, "updateRefs", {"repositoryId": shop.node_id, "refUpdates": listed})

    wrong = update(("refs/heads/ai/two", ZERO, main), ("refs/heads/ai/one", main, ZERO))
    assert wrong["errors"][0]["type"] == "UNPROCESSABLE"
    assert hub.repos.refs(shop, "refs/heads/ai/") == {"refs/heads/ai/one": other}

    right = update(("refs/heads/ai/two", ZERO, main), ("refs/heads/ai/one", other, ZERO))
    assert "errors" not in right
    assert hub.repos.refs(shop, "refs/heads/ai/") == {"refs/heads/ai/two": main}


def test_a_label_that_exists_is_refused(world: World) -> None:
    given = {"repositoryId": world.shop.node_id, "name": "BUG", "color": "ffffff"}

    answer = mutate(world, "createLabel", given)

    assert (answer["errors"][0]["type"], answer["errors"][0]["message"]) == (
        "UNPROCESSABLE",
        "Name has already been taken",
    )


def test_reacting_twice_is_one_reaction_and_shows_to_its_author_only(world: World) -> None:
    issue = world.issue()
    comment = world.hub.issues.add_comment(issue, world.by("bob"), "/ai run")
    bot = job(world, issues="write")
    for _ in range(2):
        mutate(world, "addReaction", {"subjectId": comment.node_id, "content": "EYES"}, bot)
    inside = "issue(number: 1) { comments(first: 1) { nodes { reactionGroups { content viewerHasReacted } } } }"

    def mine(token: Token) -> list[str]:
        (node,) = data(world, inside, token)["issue"]["comments"]["nodes"]
        return [group["content"] for group in node["reactionGroups"] if group["viewerHasReacted"]]

    assert (len(comment.reactions), mine(bot), mine(world.by("ada"))) == (1, ["EYES"], [])


def test_a_mutations_event_is_told_as_rests_would(world: World) -> None:
    """Whoever waits for `labeled` hears of it, with the kind of token that did it."""
    issue, label = world.issue(), world.hub.repos.create_label(world.shop, "ai-ready")
    heard: list[tuple[str, str, str]] = []
    world.hub.subscribe(lambda event: heard.append((event.name, event.action, event.token_kind)))

    given = {"labelableId": issue.node_id, "labelIds": [label.node_id]}
    mutate(world, "addLabelsToLabelable", given, job(world, issues="write"))

    assert heard == [("issues", "labeled", "job")]
