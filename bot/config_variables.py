"""Every environment variable there is: its name, what it means, who needs it. Data only; `bot.config` reads them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Step(StrEnum):
    """The commands that read their facts from the environment."""

    GATE = "gate"
    WORK = "work"
    PUBLISH = "publish"
    RUN = "run"
    SERVE = "serve"


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable as documented (docs/configuration.md)."""

    name: str
    meaning: str
    fix: str = ""
    """What to do when it is needed and not there."""
    needed: frozenset[Step] = frozenset()
    secret: bool = False


_ACTIONS = frozenset({Step.GATE, Step.WORK, Step.PUBLISH})
_SERVE = frozenset({Step.SERVE})
_HANDED = frozenset({Step.WORK, Step.PUBLISH})

STEP_VARIABLES: Final = (
    Variable(
        "GITHUB_TOKEN",
        "The job's token, or a person's for `ai-ready run`.",
        "give the step `env: GITHUB_TOKEN: ${{ github.token }}`, or on a laptop `export GITHUB_TOKEN=$(gh auth token)`",
        needed=_ACTIONS | {Step.RUN},
        secret=True,
    ),
    Variable("GH_TOKEN", "A person's token for `setup` and `doctor`, where GITHUB_TOKEN is not set.", secret=True),
    Variable(
        "GITHUB_REPOSITORY", "`owner/name`.", "GitHub Actions sets it; elsewhere pass `--repo owner/name`", _ACTIONS
    ),
    Variable("GITHUB_API_URL", "Address of the REST API; default `https://api.github.com`."),
    Variable("GITHUB_GRAPHQL_URL", "Address of the GraphQL API; default: the one that belongs to the REST API."),
    Variable(
        "GITHUB_SERVER_URL", "Where repositories are cloned from; default: the server of the API. May be `file://…`."
    ),
    Variable("GITHUB_EVENT_NAME", "What started the workflow.", "GitHub Actions sets it", frozenset({Step.GATE})),
    Variable("GITHUB_EVENT_PATH", "File with the event's payload."),
    Variable("GITHUB_RUN_ID", "Number of the workflow run."),
    Variable("GITHUB_RUN_ATTEMPT", "1, or more when somebody pressed *Re-run*."),
    Variable("GITHUB_ACTOR", "Who caused the run; with the next one: whether the server did."),
    Variable("GITHUB_ACTOR_ID", "Their number."),
    Variable("GITHUB_OUTPUT", "File for the step's outputs."),
    Variable("GITHUB_STEP_SUMMARY", "File for the job's summary."),
    Variable("GITHUB_ACTIONS", "`true` inside GitHub Actions: errors become annotations of the run."),
    Variable("AI_READY_ISSUE", "Input `issue` of `workflow_dispatch`: the issue this run was started for."),
    Variable("AI_READY_RUN_KEY", "Input `run_key` of `workflow_dispatch`."),
    Variable(
        "AI_READY_PAUSED",
        "Anything but empty, `0`, `false`, `no` or `off`: nothing is started; of the server: in no repository.",
    ),
    Variable(
        "AI_READY_ADMISSION",
        "What `gate` admitted, one line of JSON.",
        "pass the output `admission` of the job `gate`",
        _HANDED,
    ),
    Variable("AI_READY_OUTCOME_SHA256", "sha256 of `outcome.json` as `work` wrote it; empty when it wrote none."),
    Variable("AI_READY_BUNDLE_SHA256", "sha256 of `work.bundle` as `work` wrote it; empty when it wrote none."),
    Variable(
        "AI_READY_WORK_RESULT",
        "How the job `work` ended: `success`, `failure`, `cancelled` or `skipped`.",
        "pass `${{ needs.work.result }}`",
        frozenset({Step.PUBLISH}),
    ),
    Variable("ANTHROPIC_API_KEY", "Key of the Messages API; wins over the next one.", secret=True),
    Variable("CLAUDE_CODE_OAUTH_TOKEN", "Token of a Claude subscription (`claude setup-token`).", secret=True),
    Variable("ANTHROPIC_BASE_URL", "Another address of the Messages API, such as a gateway."),
    Variable(
        "SLACK_WEBHOOK_URL",
        "Address of a Slack incoming webhook; the repository's config may name another variable (`notify.slack_webhook_env`).",
        secret=True,
    ),
    Variable(
        "AI_READY_SLACK_HOSTS",
        "Further hosts (with their port, where they have one) whose webhooks may be posted to, with commas between: "
        "a server that speaks like Slack, such as Mattermost.",
    ),
    Variable("AI_READY_CLAUDE", "Path of the Claude CLI; default: `claude` on PATH, then the pinned one."),
    Variable("NO_COLOR", "Anything: the terminal shows no colours."),
    Variable("TERM", "`dumb`: the same."),
)
"""What jobs, and commands at a terminal, read."""

SERVER_VARIABLES: Final = (
    Variable(
        "AI_READY_WEBHOOK_SECRET",
        "Secret of the App's webhook, at least 16 characters; two of them with a comma between while you change it. "
        "Not needed with `AI_READY_WEBHOOKS=off`.",
        "give the one that the App's settings have, or set AI_READY_WEBHOOKS=off to go without webhooks",
        _SERVE,
        secret=True,
    ),
    Variable("AI_READY_APP_ID", "Number of the GitHub App.", "it stands at the top of the App's settings", _SERVE),
    Variable(
        "AI_READY_PRIVATE_KEY",
        "Private key of the App: the text of its `.pem` file; `\\n` may stand for a line's end. Either this or the next one.",
        "give the App's private key, or in AI_READY_PRIVATE_KEY_PATH the path of its .pem file",
        _SERVE,
        secret=True,
    ),
    Variable("AI_READY_PRIVATE_KEY_PATH", "File with the App's private key, readable by its owner alone."),
    Variable(
        "AI_READY_DATABASE_URL",
        "`sqlite:////path/to/file` or `postgresql://user:password@host/name`; default: a SQLite file "
        "`ai-ready/ai-ready.sqlite3` in XDG_STATE_HOME.",
        secret=True,
    ),
    Variable("AI_READY_RECONCILE_SECONDS", "Seconds between two looks at every repository, 5 to 86,400; default 60."),
    Variable("AI_READY_WEBHOOKS", "`off`: no webhooks, only that look: for a server without a public address."),
    Variable("AI_READY_CONCURRENT", "Runs at a time in all repositories of an installation, 1 to 1,000; default 10."),
    Variable(
        "AI_READY_PAGE_PORT",
        "Port of [the page](page.md), or `off`: no page; default 8081, and no page where that port is taken.",
    ),
    Variable(
        "AI_READY_PAGE_HOST",
        "Address of the page; default 127.0.0.1. Any other than this machine's own needs one of the next two.",
    ),
    Variable("AI_READY_PAGE_PASSWORD", "Password of the page, at least 12 characters.", secret=True),
    Variable(
        "AI_READY_PAGE_TRUSTED_HEADER",
        "Header that your sign-in proxy sets for whom it let in, such as X-Forwarded-Email.",
    ),
    Variable(
        "AI_READY_PAGE_PROXIES",
        "Addresses or networks of that proxy, with commas between; default: this machine.",
    ),
    Variable("AI_READY_PAGE_HOSTS", "Names under which that proxy serves the page, with commas between."),
    Variable("XDG_STATE_HOME", "Folder for what the server keeps; default: `.local/state` in HOME."),
    Variable("HOME", "Your own folder; only looked at where XDG_STATE_HOME is not set."),
)
"""What `ai-ready serve` reads besides: it also takes the addresses of GitHub."""

LAPTOP_VARIABLES: Final = (
    Variable(
        "BACKLOG_TASK_ID", "The one task that `ai-ready start` does, where the task source is `backlog`; `--task` wins."
    ),
    Variable(
        "AI_DEV_LOOP_TIME_LIMIT", "Seconds that the agent may take for a task, 1 to 18,000; default `limits.minutes`."
    ),
    Variable("AI_DEV_LOOP_COST_LIMIT", "US dollars for a task; default `limits.usd`."),
    Variable("LINEAR_API_KEY", "Key for Linear, of the task source `linear`.", secret=True),
    Variable("HEADLESS_PM_API_KEY", "Key for Headless PM, of the task source `headless-pm`.", secret=True),
    Variable("HEADLESS_PM_API_URL", "Its address; default `http://localhost:6969`."),
    Variable("HEADLESS_PM_WORKTREE_BASE", "Folder for the work trees of tasks; default `local.worktrees`."),
    Variable("HEADLESS_PM_HOOK_TIMEOUT", "Seconds a hook may take; default `local.hook_seconds`."),
    Variable(
        "HEADLESS_PM_CLAUDE_TIMEOUT",
        "The same as AI_DEV_LOOP_TIME_LIMIT; where both are set, the shorter time holds.",
    ),
    Variable("HEADLESS_PM_HEALTH_CHECK_INTERVAL", "Seconds between two health checks; default `local.health_seconds`."),
)
"""What the runner on a laptop reads besides."""

VARIABLES: Final = STEP_VARIABLES + SERVER_VARIABLES + LAPTOP_VARIABLES
"""Every variable we read."""

SECRET_NAMES: Final = frozenset(variable.name for variable in VARIABLES if variable.secret)
