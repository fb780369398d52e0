"""A repository: workflow, settings of Actions, labels, key, config, rules. Stories, told as whoever may read it."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from bot.config import parse_repo_config
from bot.core.names import CALLER_WORKFLOW, CONFIG_PATH, LABEL_LOOKS, issue_branch
from bot.core.pause import VARIABLE
from bot.core.settings import ConfigProblem, RepoConfig
from bot.errors import GitHubError
from bot.github.app_stories import paused
from bot.github.exchange import Answer, Story, get
from bot.server.doctor.caller import Compared, compare
from bot.server.doctor.finding import Finding, failed, passed, skipped, unreadable
from bot.server.setup.bring import label_names, text_of
from bot.server.setup.shipped import Mode

CALLER_PATH: Final = f".github/workflows/{CALLER_WORKFLOW}"
KEY_NAMES: Final = ("ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN")
WITHOUT_DRAFTS: Final = ("free", "pro")
"""Plans whose private repositories have no draft pull requests: https://docs.github.com/en/get-started/learning-about-github/githubs-plans."""
WITH_DRAFTS: Final = ("team", "business", "business_plus", "enterprise")
BLOCKING: Final = {
    "creation",
    "update",
    "deletion",
    "pull_request",
    "required_status_checks",
    "required_signatures",
    "required_deployments",
    "workflows",
    "branch_name_pattern",
    "commit_author_email_pattern",
    "committer_email_pattern",
    "commit_message_pattern",
}
"""Rules that keep the bot from making, pushing or deleting its branches."""


@dataclass(frozen=True, slots=True)
class Repository:
    """What the other checks need of it."""

    name: str
    default: str
    private: bool
    owner: str
    organization: bool
    url: str


def look(name: str) -> Story[tuple[Repository | None, Finding]]:
    """Whether it can be read, and worked in."""
    answer = yield get(f"/repos/{name}")
    about = answer.body
    if not answer.ok or not isinstance(about, dict):
        fix = "check the name, and whether the token (`gh auth status`) or the App's installation reaches it"
        fix = fix if answer.status else "check the network and GITHUB_API_URL"
        return None, failed("repository", f"{name} can't be read ({answer.message}).", fix)
    owner = about.get("owner") or {}
    home = Repository(
        str(about.get("full_name") or name),
        str(about.get("default_branch") or "main"),
        bool(about.get("private")),
        str(owner.get("login") or name.partition("/")[0]),
        owner.get("type") == "Organization",
        str(about.get("html_url") or ""),
    )
    if about.get("archived") or about.get("disabled"):
        return home, failed("repository", f"{name} is archived or disabled.", "unarchive it in its settings")
    if about.get("has_issues") is False:
        return home, failed("repository", f"{name} has no issues.", "Settings → General → Features → Issues")
    return home, passed("repository", f"{home.name} can be read; its default branch is {home.default}.")


def workflow(home: Repository, *, release: str) -> Story[tuple[Mode | None, Finding]]:
    """The caller workflow on the default branch: there, as shipped, pinned; and its mode where it has one of ours."""
    answer = yield get(_contents(home, CALLER_PATH))
    if answer.status == 404:
        fix = f"ai-ready setup --repo {home.name}, and merge the pull request"
        return None, failed("workflow", f"{CALLER_PATH} is not on {home.default}.", fix)
    try:
        found = compare(text_of(answer, CALLER_PATH))
    except GitHubError:
        return None, unreadable("workflow", CALLER_PATH, answer, "`contents: read`")
    return found.mode, _workflow(home, found, release)


def _workflow(home: Repository, found: Compared, release: str) -> Finding:
    if found.mode is None and not found.uses:
        return failed(
            "workflow", f"{CALLER_PATH} does not use ai-ready.", f"ai-ready setup --repo {home.name} --replace"
        )
    if found.mode is None:
        return skipped("workflow", f"{CALLER_PATH} has jobs of its own, which nothing can be compared with.")
    fix = f"ai-ready setup --repo {home.name} --mode {found.mode} --replace, and merge the pull request"
    if found.differing:
        lines = "; ".join(found.differing)
        return failed("workflow", f"Mode {found.mode}, but it differs from the shipped one: {lines}.", fix)
    if not found.pinned:
        return failed("workflow", f"Mode {found.mode}, but it uses {found.uses}@{found.ref}, which is no commit.", fix)
    other = f"; this is {release[:12]}" if release and release != found.ref else ""
    return passed("workflow", f"Mode {found.mode}, as shipped, pinned to {found.uses}@{found.ref[:12]}{other}.")


def workflow_enabled(home: Repository) -> Story[Finding]:
    """GitHub switches workflows off after 60 quiet days, and people do."""
    answer = yield get(f"/repos/{home.name}/actions/workflows/{CALLER_WORKFLOW}")
    if answer.status == 404:
        return skipped("workflow-enabled", "GitHub does not know the workflow (yet).")
    if not answer.ok:
        return unreadable("workflow-enabled", "The workflow's state", answer, "`actions: read`")
    state = str(answer.body.get("state"))
    if state != "active":
        return failed(
            "workflow-enabled", f"The workflow is {state}.", f"gh workflow enable {CALLER_WORKFLOW} --repo {home.name}"
        )
    return passed("workflow-enabled", "The workflow is active.")


def actions_enabled(home: Repository) -> Story[Finding]:
    """https://docs.github.com/en/rest/actions/permissions#get-github-actions-permissions-for-a-repository."""
    answer = yield get(f"/repos/{home.name}/actions/permissions")
    if not answer.ok:
        return unreadable("actions", "Whether Actions is enabled", answer, "`administration: read` (an admin's)")
    if not answer.body.get("enabled"):
        return failed("actions", "Actions is disabled.", f"{home.url}/settings/actions → Allow actions")
    if answer.body.get("allowed_actions") == "local_only":
        fix = f"{home.url}/settings/actions → allow ai-ready and the actions it uses"
        return failed("actions", "Only actions of this repository's owner may run.", fix)
    return passed("actions", "Actions is enabled.")


def pull_requests(home: Repository) -> Story[Finding]:
    """https://docs.github.com/en/rest/actions/permissions#get-default-workflow-permissions-for-a-repository."""
    answer = yield get(f"/repos/{home.name}/actions/permissions/workflow")
    if not answer.ok:
        right = "`administration: read` (an admin's)"
        return unreadable("pull-requests", "Whether Actions may create pull requests", answer, right)
    if not answer.body.get("can_approve_pull_request_reviews"):
        fix = f"{home.url}/settings/actions → Allow GitHub Actions to create and approve pull requests (an organization may hold it for all)"
        return failed(
            "pull-requests", "Actions may not create pull requests: each run would end Blocked (pr-failed).", fix
        )
    return passed("pull-requests", "Actions may create pull requests.")


def drafts(home: Repository, config: RepoConfig | None) -> Story[Finding]:
    """Private repositories on small plans have none."""
    if config is not None and not config.pull_request.draft:
        return passed("draft-pull-requests", "`pull_request.draft` is false: none are needed.")
    if not home.private:
        return passed("draft-pull-requests", "The repository is public: it has draft pull requests.")
    answer = yield get(f"/orgs/{quote(home.owner)}" if home.organization else "/user")
    plan = _plan(answer, home)
    if plan in WITH_DRAFTS:
        return passed("draft-pull-requests", f"The plan ({plan}) has draft pull requests.")
    if plan in WITHOUT_DRAFTS:
        fix = f"set `pull_request: {{draft: false}}` in {CONFIG_PATH}"
        return failed(
            "draft-pull-requests", f"Private repositories have no draft pull requests on the plan {plan}.", fix
        )
    return skipped("draft-pull-requests", f"The plan of {home.owner} can't be read.", "the owner's token can")


def _plan(answer: Answer, home: Repository) -> str:
    body: Any = answer.body if answer.ok and isinstance(answer.body, dict) else {}
    if str(body.get("login", "")).lower() != home.owner.lower():
        return ""
    return str((body.get("plan") or {}).get("name") or "")


def labels(home: Repository) -> Story[Finding]:
    """The bot makes missing ones itself; people need `ai-ready` before that."""
    try:
        there = yield from label_names(home.name)
    except GitHubError as error:
        return skipped("labels", f"The labels can't be read ({error}).", "a token with `issues: read` can")
    missing = [str(name) for name in LABEL_LOOKS if name.lower() not in there]
    if missing:
        return failed("labels", f"Missing: {', '.join(missing)}.", f"ai-ready setup --repo {home.name}")
    return passed("labels", "All labels are there.")


def model_key(home: Repository) -> Story[Finding]:
    """Names of secrets only: nobody can read their values."""
    names: set[str] = set()
    unknown: Answer | None = None
    for kind in ("secrets", "organization-secrets"):
        answer = yield get(f"/repos/{home.name}/actions/{kind}?per_page=100")
        if answer.ok:
            names |= {str(one.get("name")) for one in answer.body.get("secrets", ())}
        else:
            unknown = answer
    found = [name for name in KEY_NAMES if name in names]
    if found:
        return passed("model-key", f"The secret {found[0]} is there.")
    if unknown is not None:
        return unreadable("model-key", "The names of all secrets", unknown, "`secrets: read` (an admin's)")
    fix = f"gh secret set {KEY_NAMES[0]} --repo {home.name}"
    return failed("model-key", f"Neither {' nor '.join(KEY_NAMES)} is a secret of the repository.", fix)


def pause(home: Repository) -> Story[Finding]:
    """The variable that stops everything, the repository's own or its organization's."""
    answer = yield get(f"/repos/{home.name}/actions/variables/{VARIABLE}")
    if not answer.ok and answer.status != HTTPStatus.NOT_FOUND:
        return unreadable("pause", f"The variable {VARIABLE}", answer, "`variables: read`")
    try:
        set_ = yield from paused(home.name)
    except GitHubError as error:
        return skipped("pause", str(error))
    if set_:
        fix = f"gh variable delete {VARIABLE} --repo {home.name} (an organization's: --org {home.owner})"
        return failed("pause", f"The Actions variable {VARIABLE} is set: nothing is started.", fix)
    return passed("pause", "Nobody paused it.")


def config(home: Repository) -> Story[tuple[RepoConfig | None, Finding]]:
    """The config file, as a run would read it."""
    answer = yield get(_contents(home, CONFIG_PATH))
    if answer.status == 404:
        return RepoConfig(), passed("config", f"There is no {CONFIG_PATH}: the defaults hold.")
    try:
        found = parse_repo_config(text_of(answer, CONFIG_PATH))
    except GitHubError:
        return None, unreadable("config", CONFIG_PATH, answer, "`contents: read`")
    if isinstance(found, ConfigProblem):
        return None, failed("config", found.message, f"correct {CONFIG_PATH} on {home.default}")
    if not found.enabled:
        return found, failed(
            "config", "`enabled` is false: nothing is started.", f"set `enabled: true` in {CONFIG_PATH}"
        )
    return found, passed("config", f"{CONFIG_PATH} can be read.")


def branch_rules(home: Repository) -> Story[Finding]:
    """Rulesets that hold for the bot's branches; the name need not exist.

    https://docs.github.com/en/rest/repos/rules#get-rules-for-a-branch
    """
    answer = yield get(f"/repos/{home.name}/rules/branches/{quote(issue_branch(1), safe='')}?per_page=100")
    if not answer.ok or not isinstance(answer.body, list):
        return unreadable("branch-rules", "The rules for ai/**", answer, "`metadata: read` (not on older servers)")
    held = sorted({str(rule.get("type")) for rule in answer.body} & BLOCKING)
    if held:
        fix = f"{home.url}/settings/rules → exclude ai/** from the ruleset"
        return failed("branch-rules", f"Rules keep the bot from its branches ai/**: {', '.join(held)}.", fix)
    return passed("branch-rules", "No rule is in the way of ai/**.")


def _contents(home: Repository, path: str) -> str:
    """Where the API has a file of the default branch."""
    return f"/repos/{home.name}/contents/{quote(path)}?ref={quote(home.default, safe='')}"
