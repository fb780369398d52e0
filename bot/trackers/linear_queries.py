"""What we ask Linear, as GraphQL. Values travel as variables only, so nobody's text becomes a query."""

from typing import Final

_ISSUE: Final = """
fragment Facts on Issue {
  id identifier number title description priority sortOrder url updatedAt
  state { id name type }
  project { name }
  projectMilestone { name }
  parent { identifier }
  labels(first: 20) { nodes { name } }
  inverseRelations(first: 20) {
    nodes { type issue { id identifier state { type } } }
    pageInfo { hasNextPage }
  }
}
"""

TEAMS: Final = """
query Teams($after: String) {
  teams(first: 50, after: $after) { nodes { id key name } pageInfo { hasNextPage endCursor } }
}
"""

STATES: Final = """
query States($team: String!) {
  team(id: $team) { states(first: 100) { nodes { id name type position } } }
}
"""

PROJECTS: Final = """
query Projects($name: String!) {
  projects(first: 2, filter: { name: { eq: $name } }) { nodes { id name } }
}
"""

ISSUES: Final = (
    """
query Issues($filter: IssueFilter!, $after: String) {
  issues(first: 50, after: $after, filter: $filter, includeArchived: false) {
    nodes { ...Facts }
    pageInfo { hasNextPage endCursor }
  }
}
"""
    + _ISSUE
)

ISSUE: Final = f"query Issue($id: String!) {{ issue(id: $id) {{ ...Facts }} }}{_ISSUE}"

COMMENTS: Final = """
query Comments($id: String!, $after: String) {
  issue(id: $id) {
    comments(first: 100, after: $after) { nodes { id body createdAt } pageInfo { hasNextPage endCursor } }
  }
}
"""

LABELS: Final = """
query Labels($names: [String!]!) {
  issueLabels(first: 100, filter: { name: { in: $names } }) { nodes { id name team { id } } }
}
"""

UPDATE: Final = (
    "mutation Update($id: String!, $input: IssueUpdateInput!) { done: issueUpdate(id: $id, input: $input) { success } }"
)

COMMENT: Final = "mutation Comment($input: CommentCreateInput!) { done: commentCreate(input: $input) { success } }"

REWRITE: Final = """
mutation Rewrite($id: String!, $input: CommentUpdateInput!) { done: commentUpdate(id: $id, input: $input) { success } }
"""

ATTACH: Final = "mutation Attach($input: AttachmentCreateInput!) { done: attachmentCreate(input: $input) { success } }"

CREATE: Final = (
    "mutation Create($input: IssueCreateInput!) { done: issueCreate(input: $input) { success issue { id } } }"
)

RELATE: Final = (
    "mutation Relate($input: IssueRelationCreateInput!) { done: issueRelationCreate(input: $input) { success } }"
)

LABEL: Final = """
mutation Label($input: IssueLabelCreateInput!) {
  done: issueLabelCreate(input: $input) { success issueLabel { id } }
}
"""

ALL: Final = (
    TEAMS,
    STATES,
    PROJECTS,
    ISSUES,
    ISSUE,
    COMMENTS,
    LABELS,
    UPDATE,
    COMMENT,
    REWRITE,
    ATTACH,
    CREATE,
    RELATE,
    LABEL,
)
"""Every query there is."""
