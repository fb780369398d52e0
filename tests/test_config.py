"""The repository's config and the environment: every problem is one sentence with its place and its fix."""

import copy
import os
import pickle
import re
import time
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import bot.config
from bot.config import (
    VARIABLES,
    ActionEnv,
    ServerEnv,
    SlackHooks,
    Step,
    known_secrets,
    parse_repo_config,
    parse_tracker_section,
)
from bot.config_rules import BOUNDS, ELSEWHERE, SHAPES
from bot.config_slack import SLACK_HOSTS_VARIABLE, SLACK_WEBHOOK_URL
from bot.config_variables import LAPTOP_VARIABLES
from bot.core.secret import Secret
from bot.core.settings import (
    AgentSettings,
    Checkpoints,
    Checks,
    ConfigProblem,
    Laptop,
    Limits,
    MetaIssues,
    Notify,
    OrderRules,
    PullRequest,
    RepoConfig,
)
from bot.errors import ConfigError

FULL = """
enabled: false
agent:
  backend: claude-code
  model: claude-opus-4-1
  models: {junior: haiku}
  max_turns: 7
  isolation: none
  instructions: |
    Be brief.
    Test first.
limits: {minutes: 10, usd: 2.5, usd_per_day: 20, runs_per_day: 5, concurrent: 1, attempts: 1, review_rounds: 0, files: 9, patch_kb: 100}
order: {scope: repository, within_phase: parallel, closed_as_not_planned: hold, on_blocked: stop-series}
meta: {board: false, close: false}
checks: {setup: "uv sync", lint: ruff check, test: 'pytest -q', attempts: 3, minutes: 5, env: {CI: true, ZONE: 010, NO: no, EMPTY: }}
pull_request: {base: develop, draft: false, assign: none, fix_ci: true}
protect: [docs/**, "*.sql"]
allow:
  - CLAUDE.md
mode: autonomous
checkpoints: {turn_interval: 10, context: 0.5}
notify: {slack_webhook_env: MY_HOOK, interval: 60, on_complete: off, on_blocked: yes}
local: {agent_id: dev_001, tasks: 3, usd: 2, turns: 99, on_failure: stop, finished: done, idle_seconds: 5, ask_minutes: 30, worktrees: /tmp/trees, hooks: tools/hooks, hook_seconds: 9, health_seconds: 60, log_file: run.log}
tracker: {type: linear, team_id: ENG}
"""


def good(text: str | None) -> RepoConfig:
    config = parse_repo_config(text)
    assert isinstance(config, RepoConfig), config
    return config


def bad(text: str) -> str:
    problem = parse_repo_config(text)
    assert isinstance(problem, ConfigProblem), problem
    return problem.message


def test_every_key_is_read() -> None:
    """A file that sets every key gives exactly these settings."""
    config = good(FULL)
    models = {"junior": "haiku", "senior": "sonnet", "principal": "opus"}
    assert config == RepoConfig(
        enabled=False,
        agent=AgentSettings("claude-code", "claude-opus-4-1", models, 7, "none", "Be brief.\nTest first.\n"),
        limits=Limits(10, 2.5, 20, 5, 1, 1, 0, 9, 100),
        order=OrderRules("repository", "parallel", "hold", "stop-series"),
        meta=MetaIssues(board=False, close=False),
        checks=Checks(
            "uv sync", "ruff check", "pytest -q", 3, 5, {"CI": "true", "ZONE": "010", "NO": "no", "EMPTY": ""}
        ),
        pull_request=PullRequest("develop", draft=False, assign="none", fix_ci=True),
        protect=("docs/**", "*.sql"),
        allow=("CLAUDE.md",),
        mode="autonomous",
        checkpoints=Checkpoints(10, 0.5),
        notify=Notify("MY_HOOK", 60, on_complete=False, on_blocked=True),
        local=Laptop("dev_001", 3, 2.0, 99, "stop", "done", 5, 30, "/tmp/trees", "tools/hooks", 9, 60, "run.log"),
    )
    assert set(yaml.safe_load(FULL)) == {field.name for field in fields(RepoConfig)} | ELSEWHERE
    assert parse_tracker_section(FULL) == {"type": "linear", "team_id": "ENG"}


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "\n",
        "# only a comment\n",
        "{}",
        "---\n",
        "null",
        "agent:\nlimits:\n  # minutes: 3\n",
        "protect: ~",
        "\ufeff",
    ],
)
def test_nothing_said_is_the_default(text: str | None) -> None:
    """No file, an empty one, and sections whose keys are all commented out."""
    assert good(text) == RepoConfig()


def test_a_scalar_is_taken_as_written() -> None:
    """YAML 1.1 would read 1.10 as 1.1 and 0777 as octal; a branch's name is what the person typed."""
    assert good("pull_request: {base: 1.10}").pull_request.base == "1.10"
    assert good("checks: {env: {MODE: 0777, T: 12:30, D: 2026-01-01}}").checks.env == {
        "MODE": "0777",
        "T": "12:30",
        "D": "2026-01-01",
    }


PROBLEMS = {
    "agent: {max_turns: 0}": "line 1: `agent.max_turns` takes a whole number from 1 to 500, not `0`.",
    "limits:\n  minutes: 301": "line 2: `limits.minutes` takes a whole number from 1 to 300, not `301`.",
    "limits: {minutes: -1}": "line 1: `limits.minutes` takes a whole number from 1 to 300, not `-1`.",
    "limits: {minutes: 1.5}": "line 1: `limits.minutes` takes a whole number from 1 to 300, not `1.5`.",
    "limits: {minutes: 010}": "line 1: `limits.minutes` takes a whole number from 1 to 300, not `010`.",
    "limits: {minutes: 1:30}": "line 1: `limits.minutes` takes a whole number from 1 to 300, not `1:30`.",
    "limits: {minutes: '5'}": "line 1: `limits.minutes` takes a whole number from 1 to 300 without quotes, not `5`.",
    "limits: {minutes: five}": "line 1: `limits.minutes` takes a whole number from 1 to 300, not `five`.",
    "limits: {usd: 0}": "line 1: `limits.usd` takes a number from 0.01 to 1,000, not `0`.",
    "limits: {usd: .inf}": "line 1: `limits.usd` takes a number from 0.01 to 1,000, not `.inf`.",
    "limits: {usd: $5}": "line 1: `limits.usd` takes a number from 0.01 to 1,000, not `$5`.",
    "limits: {usd: 60}": "line 1: `limits.usd` (60) is more than `limits.usd_per_day` (50): no run could ever start.",
    "\nlimits:\n  usd_per_day: 3": "line 2: `limits.usd` (5) is more than `limits.usd_per_day` (3): no run could ever start.",
    "enabled: 'false'": "line 1: `enabled` takes `true` or `false` without quotes, not `false`.",
    "enabled: 0": "line 1: `enabled` takes `true` or `false`, not `0`.",
    "enabled: [true]": "line 1: `enabled` takes `true` or `false`, not a list.",
    "agent: {model: no}": "line 1: `agent.model` takes a text; YAML reads `no` as true or false, so quote it.",
    "checks: {test: yes}": "line 1: `checks.test` takes a text; YAML reads `yes` as true or false, so quote it.",
    "checks: {test: [a, b]}": "line 1: `checks.test` takes a text, not a list.",
    "agent: {model: 'x; rm'}": "line 1: `agent.model` takes a model's alias or id, such as `opus`, not `x; rm`.",
    "agent: {model: ''}": "line 1: `agent.model` takes a model's alias or id, such as `opus`, not an empty text.",
    "agent: {isolation: off}": "line 1: `agent.isolation` takes `auto` or `none`, not `off`.",
    "mode: supervized": "line 1: `mode` takes `autonomous` or `supervised` or `interactive`, not `supervized`; did you mean `supervised`?",
    "agent: {backend: anthropic}": "line 1: `agent.backend` takes `claude-code` or `claude-code-sdk` or `anthropic-sdk`, not `anthropic`; did you mean `anthropic-sdk`?",
    "agent: {max_tokens: 0}": "line 1: `agent.max_tokens` takes a whole number from 256 to 128,000, not `0`.",
    "agnet: {}": "line 1: there is no key `agnet` here; did you mean `agent`?",
    "agent:\n  modle: opus": "line 2: there is no key `modle` in `agent`; did you mean `model`?",
    "agent: {models: {juniorr: x}}": "line 1: there is no key `juniorr` in `agent.models`; did you mean `junior`?",
    "checkpoints: {zzz: 1}": "line 1: there is no key `zzz` in `checkpoints`; there are `turn_interval`, `context`.",
    "<<: {mode: autonomous}": "line 1: there is no key `<<` here; there are",
    "on: push": "line 1: there is no key `on` here; there are",
    "? [a]\n: b": "line 1: there is no key of this kind here; there are",
    "mode: autonomous\nmode: interactive": "line 2: `mode` is there twice (first in line 1); keep one.",
    "checks:\n  test: a\n  lint: b\n  test: c": "line 4: `checks.test` is there twice (first in line 2); keep one.",
    "checks: {env: {A: 1, A: 2}}": "line 1: `checks.env.A` is there twice (first in line 1); keep one.",
    "checks: {env: {GITHUB_TOKEN: x}}": "line 1: `checks.env` can't set `GITHUB_TOKEN`: it is no name of a variable, or one that we keep.",
    "checks: {env: {'A B': x}}": "line 1: `checks.env` can't set `A B`: it is no name of a variable, or one that we keep.",
    "checks: {env: {A: [x]}}": "line 1: `checks.env.A` takes a text, not a list.",
    "checks: {env: [A]}": "line 1: `checks.env` takes names with values, such as `CI: true`, not a list.",
    "protect: docs/**": "line 1: `protect` takes a list, such as `[docs/**]`, not `docs/**`.",
    "protect:\n  - docs/**\n  - ../x": "line 3: `protect` takes paths relative to the repository's root, such as `docs/**`, not `../x`.",
    "allow: ['!x']": "line 1: `allow` takes paths relative to the repository's root, such as `CLAUDE.md`, not `!x`.",
    "protect:\n  -\n": "line 2: `protect` takes a text here, not nothing.",
    "pull_request: {base: refs/heads/main}": "line 1: `pull_request.base` takes a branch's name, such as `main`, not `refs/heads/main`.",
    "pull_request: {base: a..b}": "line 1: `pull_request.base` takes a branch's name, such as `main`, not `a..b`.",
    "agent: opus": "line 1: `agent` holds keys with values, such as `backend: …`, not `opus`.",
    "- enabled": "line 1: the file holds keys with values, such as `enabled: …`, not a list.",
    "just words": "line 1: the file holds keys with values, such as `enabled: …`, not `just words`.",
    "a: &x 1\nb: *x": "line 2: aliases (`*name`) are not supported; write the value out.",
    "a: &x [*x]": "line 1: aliases (`*name`) are not supported; write the value out.",
    "mode: !!python/object:os.system x": "line 1: tags (`!name`) are not supported; quote the text if it begins with `!`.",
    "a: [[[[[[[[1]]]]]]]]": "line 1: this is nested deeper than any key of ours.",
    "agent:\n\tmodel: opus": "line 2: this is not YAML we can read (`found character '\\t' that cannot start any token`); indent with spaces, not tabs.",
    "mode: a\n--- \nmode: b": "line 2: this is not YAML we can read (`but found another document`)",
    "checks: {test: a: b}": "line 1: this is not YAML we can read",
    "mode: *": "line 1: this is not YAML we can read",
    "a\nb\x00": "line 2: a character that YAML does not allow; remove it.",
    "# \ud800": "line 1: a character that YAML does not allow; remove it.",
}


@pytest.mark.parametrize(("text", "problem"), PROBLEMS.items(), ids=map(repr, PROBLEMS))
def test_a_problem_names_file_line_key_and_fix(text: str, problem: str) -> None:
    """What is wrong, where, and what would be right, in one line."""
    message = bad(text)
    assert message.startswith(f".github/ai-ready.yml, {problem}"), message
    assert "\n" not in message


def test_further_problems_are_counted_by_line() -> None:
    """The first by line is told in full, the others by their lines."""
    message = bad("mode: x\nagnet: {}\nlimits:\n  usd: 0\n  minutes: 5\nallow: a\n")
    assert message.startswith(".github/ai-ready.yml, line 1: `mode` takes")
    assert message.endswith("(More problems: line 2, 4, 6.)")


def test_an_address_where_a_name_belongs_is_not_repeated() -> None:
    """Somebody put the webhook itself into the file: the comment that says so must not spread it."""
    message = bad("notify: {slack_webhook_env: 'https://hooks.slack.com/services/T0/B0/abc'}")
    assert "hooks.slack.com" not in message
    assert "the address itself belongs into a secret" in message


def test_a_file_of_another_name_is_named() -> None:
    """The laptop's file is named as what it is."""
    problem = parse_repo_config("x: 1", path="config.yml")
    assert isinstance(problem, ConfigProblem)
    assert problem.message.startswith("config.yml, line 1: ")


def test_a_huge_file_is_refused_at_once() -> None:
    """Over 64 kB nothing is parsed; an alias bomb below that is refused at its first alias."""
    assert (
        bad("# x\n" * 20_000) == ".github/ai-ready.yml is larger than 64 kB: keep only what differs from the defaults."
    )
    bomb = "a: &a [x,x]\n" + "".join(
        f"{c}: &{c} [*{p},*{p}]\n" for p, c in zip("abcdefghij", "bcdefghijk", strict=True)
    )
    start = time.perf_counter()
    assert "aliases" in bad(bomb)
    assert "nested" in bad("[" * 60_000)
    assert time.perf_counter() - start < 1.0


BITS = (
    *(
        "\n :-[]{},'\"#&*!|>%@?\t~=<.0123456789",
        "  ",
        "agent",
        "limits",
        "usd",
        "enabled",
        "true",
        "null",
        "yes",
        ": ",
        "\n  ",
    ),
    *("- ", "---", "...", "&a", "*a", "!!str", "%YAML 1.1", "\ud800", "é", "\x00", "\u2028"),
)
YAMLISH = st.lists(st.one_of(st.sampled_from(BITS), st.sampled_from(BITS[0])), max_size=30).map("".join)


@given(st.one_of(YAMLISH, st.text(max_size=100)))
def test_any_text_is_a_config_or_a_problem(text: str) -> None:
    """Parsing never raises, and a problem is one line."""
    config = parse_repo_config(text)
    assert isinstance(config, RepoConfig) or "\n" not in config.message


def leaves(settings: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    for field in fields(settings):
        value, key = getattr(settings, field.name), f"{where}{field.name}"
        if is_dataclass(value):
            yield from leaves(value, f"{key}.")
        else:
            yield key, value


def test_every_number_has_bounds_and_every_default_keeps_the_rules() -> None:
    """No number of the settings is unbounded; each default lies inside, and both bounds are accepted."""
    numbers = {
        key: value
        for key, value in leaves(RepoConfig())
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    assert set(numbers) == set(BOUNDS)
    for key, (low, high) in BOUNDS.items():
        assert low <= numbers[key] <= high
        section, name = key.split(".")
        more = ", usd_per_day: 100000" if key == "limits.usd" else ", usd: 0.01" if key == "limits.usd_per_day" else ""
        for bound in (low, high):
            assert getattr(getattr(good(f"{section}: {{{name}: {bound}{more}}}"), section), name) == bound
    texts = dict(leaves(RepoConfig()))
    assert all(pattern.fullmatch(texts[key]) for key, (pattern, _) in SHAPES.items() if isinstance(texts.get(key), str))


# --------------------------------------------------------------------------------------- environment

ENVIRON = {
    "GITHUB_TOKEN": "ghs_0123456789abcdef0123456789abcdef0123",
    "GITHUB_REPOSITORY": "octo/hello.world",
    "GITHUB_EVENT_NAME": "issues",
    "AI_READY_ADMISSION": '{"issue": 7}',
    "AI_READY_WORK_RESULT": "success",
    "ANTHROPIC_API_KEY": "sk-ant-api03-0123456789",
}


def env(**changes: str) -> ActionEnv:
    return ActionEnv.from_environ({**ENVIRON, **changes}, Step.GATE)


def test_an_environment_is_read() -> None:
    """Texts, numbers, paths and secrets, each as its own type; the rest can be picked from, but holds no secret."""
    read = env(
        GITHUB_RUN_ID="42",
        GITHUB_RUN_ATTEMPT="2",
        AI_READY_ISSUE="7",
        AI_READY_RUN_KEY="7-C12-1",
        GITHUB_OUTPUT="/o",
        LANG="C",
    )
    assert (read.run_id, read.run_attempt, read.issue, read.run_key) == (42, 2, 7, "7-C12-1")
    assert read.output_path == Path("/o")
    assert read.event_path is None
    assert read.token.reveal() == ENVIRON["GITHUB_TOKEN"]
    assert read.others["LANG"] == "C"
    assert not {ENVIRON["GITHUB_TOKEN"], ENVIRON["ANTHROPIC_API_KEY"]} & set(read.others.values())
    assert read.secrets == (Secret(ENVIRON["GITHUB_TOKEN"]), Secret(ENVIRON["ANTHROPIC_API_KEY"]))


def test_nothing_shows_a_secret() -> None:
    """Not the repr of the settings, not a format, not a copy, not a pickle."""
    read = env(OTHER=ENVIRON["GITHUB_TOKEN"])
    for shown in (repr(read), str(read.token), f"{read.token:>40}", repr([read.api_key]), str(copy.copy(read))):
        assert "0123456789" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(read.token)
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1
    assert not Secret("")


@pytest.mark.parametrize(
    ("api", "graphql", "server"),
    [
        ("", "https://api.github.com/graphql", "https://github.com"),
        ("https://api.github.com/", "https://api.github.com/graphql", "https://github.com"),
        ("https://ghe.example.com/api/v3", "https://ghe.example.com/api/graphql", "https://ghe.example.com"),
        ("http://127.0.0.1:8123/api/v3", "http://127.0.0.1:8123/api/graphql", "http://127.0.0.1:8123"),
        ("https://api.octo.ghe.com", "https://api.octo.ghe.com/graphql", "https://octo.ghe.com"),
    ],
)
def test_addresses_follow_from_the_api(api: str, graphql: str, server: str) -> None:
    """github.com, GitHub Enterprise Server, its cloud with data residency, and the sandbox."""
    read = env(GITHUB_API_URL=api)
    assert (read.graphql_url, read.server_url) == (graphql, server)


def test_a_graphql_address_of_another_server_gets_no_token() -> None:
    """A runner that is told of another API keeps github.com's GraphQL address in its environment: not used."""
    api = "http://127.0.0.1:8123/api/v3"
    assert (
        env(GITHUB_API_URL=api, GITHUB_GRAPHQL_URL="https://api.github.com/graphql").graphql_url
        == "http://127.0.0.1:8123/api/graphql"
    )
    assert (
        env(GITHUB_API_URL=api, GITHUB_GRAPHQL_URL="http://127.0.0.1:8123/gql").graphql_url
        == "http://127.0.0.1:8123/gql"
    )


def test_repositories_may_be_cloned_from_files() -> None:
    """`file://` serves a laptop without a server; the API may not be one."""
    assert env(GITHUB_SERVER_URL="file:///srv/git").server_url == "file:///srv/git"
    with pytest.raises(ConfigError, match="GITHUB_API_URL is not an address"):
        env(GITHUB_API_URL="file:///srv/git")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("GITHUB_REPOSITORY", "octo", "GITHUB_REPOSITORY has to be owner/name."),
        ("GITHUB_REPOSITORY", "octo/..", "GITHUB_REPOSITORY has to be owner/name."),
        ("GITHUB_REPOSITORY", "octo/a\nb", "GITHUB_REPOSITORY has to be owner/name."),
        ("AI_READY_ISSUE", "seven", "AI_READY_ISSUE has to be a whole number above 0."),
        ("AI_READY_ISSUE", "0", "AI_READY_ISSUE has to be a whole number above 0."),
        ("AI_READY_ISSUE", "٧", "AI_READY_ISSUE has to be a whole number above 0."),
        ("GITHUB_RUN_ID", "9" * 5_000, "GITHUB_RUN_ID has to be a whole number above 0."),
        ("AI_READY_RUN_KEY", "7-$(id)-1", "AI_READY_RUN_KEY has to be a run key such as 7-C123-1."),
        ("AI_READY_OUTCOME_SHA256", "abc", "AI_READY_OUTCOME_SHA256 has to be 64 hexadecimal digits."),
        ("AI_READY_WORK_RESULT", "fine", "AI_READY_WORK_RESULT has to be success, failure, cancelled or skipped."),
        ("GITHUB_API_URL", "api.github.com", "GITHUB_API_URL is not an address such as https://github.example.com."),
        ("GITHUB_API_URL", "https://[::1", "GITHUB_API_URL is not an address such as https://github.example.com."),
        (
            "ANTHROPIC_BASE_URL",
            "https://u:p@h",
            "ANTHROPIC_BASE_URL carries a user name or a password; leave that out and give a token.",
        ),
    ],
)
def test_a_bad_variable_is_named_and_its_value_is_not(name: str, value: str, message: str) -> None:
    """One sentence, exit code 2, no value that could be a secret in the wrong place."""
    with pytest.raises(ConfigError) as caught:
        env(**{name: value})
    assert str(caught.value) == message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("step", "names"),
    [
        (Step.GATE, {"GITHUB_TOKEN", "GITHUB_REPOSITORY", "GITHUB_EVENT_NAME"}),
        (Step.WORK, {"GITHUB_TOKEN", "GITHUB_REPOSITORY", "AI_READY_ADMISSION"}),
        (Step.PUBLISH, {"GITHUB_TOKEN", "GITHUB_REPOSITORY", "AI_READY_ADMISSION", "AI_READY_WORK_RESULT"}),
        (Step.RUN, {"GITHUB_TOKEN"}),
    ],
)
def test_what_a_step_needs_and_lacks_is_named_at_once(step: Step, names: set[str]) -> None:
    """All missing variables in one message, each with what to do; blank counts as missing."""
    with pytest.raises(ConfigError) as caught:
        ActionEnv.from_environ({"GITHUB_TOKEN": " "}, step)
    assert {name for name in ENVIRON if f"{name} is not set: " in str(caught.value)} == names
    ActionEnv.from_environ({name: ENVIRON[name] for name in names}, step)


@pytest.mark.parametrize(
    ("value", "paused"), [("", False), ("0", False), ("False", False), ("true", True), ("1", True), ("holiday", True)]
)
def test_anything_but_a_clear_no_pauses(value: str, paused: bool) -> None:
    """Unknown is not yes: an odd value stops everything."""
    assert env(AI_READY_PAUSED=value).paused is paused
    assert server(AI_READY_PAUSED=value).paused is paused


def test_the_api_key_wins_over_the_token() -> None:
    """As in the CLI; without both the sentence says where to put one."""
    assert env(CLAUDE_CODE_OAUTH_TOKEN="o").model_key() == ("ANTHROPIC_API_KEY", Secret(ENVIRON["ANTHROPIC_API_KEY"]))
    assert env(CLAUDE_CODE_OAUTH_TOKEN="o", ANTHROPIC_API_KEY="").model_key() == (
        "CLAUDE_CODE_OAUTH_TOKEN",
        Secret("o"),
    )
    with pytest.raises(ConfigError, match="set the secret ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN"):
        env(ANTHROPIC_API_KEY=" ").model_key()


def test_the_table_of_variables_is_what_is_read() -> None:
    """Nothing is read that is not documented, and nothing is documented that is not read."""
    source = "".join(path.read_text(encoding="utf-8") for path in Path(bot.config.__file__).parent.glob("config*.py"))
    read = {*re.findall(r'reader\.\w+\(\s*"(\w+)"', source), SLACK_WEBHOOK_URL, SLACK_HOSTS_VARIABLE}
    rooms = (Path(bot.__file__).parent / room for room in ("local", "trackers"))
    laptop = "".join(path.read_text(encoding="utf-8") for room in rooms for path in room.glob("*.py"))
    told = {variable.name for variable in LAPTOP_VARIABLES}
    assert read == {variable.name for variable in VARIABLES} - told
    assert {name for name in told if f'"{name}"' not in laptop} == set()
    assert set(re.findall(r'environ\.get\("(\w+)"', laptop)) <= {
        *(variable.name for variable in VARIABLES),
        "PATH",
    }


# -------------------------------------------------------------------------------------------- server

SERVE = {
    "HOME": "/home/ada",
    "AI_READY_WEBHOOK_SECRET": "new-secret-0123456789, old-secret-0123456789",
    "AI_READY_APP_ID": "4711",
    "AI_READY_PRIVATE_KEY": "-----BEGIN RSA PRIVATE KEY-----\\nMIIEow7BAAK\\n-----END RSA PRIVATE KEY-----",
}


def server(**changes: str) -> ServerEnv:
    return ServerEnv.from_environ({**SERVE, **changes})


def test_the_server_is_told_everything() -> None:
    """Both secrets while they rotate; a key whose line ends were escaped; defaults for the rest."""
    read = server()
    assert read.webhook_secrets == (Secret("new-secret-0123456789"), Secret("old-secret-0123456789"))
    assert read.private_key.reveal().splitlines()[1] == "MIIEow7BAAK"
    assert (read.app_id, read.private_key_path, read.reconcile_seconds, read.concurrent) == (4711, None, 60, 10)
    assert read.database_url.reveal() == "sqlite:////home/ada/.local/state/ai-ready/ai-ready.sqlite3"
    assert (read.api_url, read.graphql_url) == ("https://api.github.com", "https://api.github.com/graphql")
    assert "0123456789" not in repr(read)
    assert "MIIEow7BAAK" not in repr(read)


def test_the_state_is_kept_where_the_system_says() -> None:
    """A relative XDG_STATE_HOME is ignored, as its specification has it; no folder at all is an error."""
    assert server(XDG_STATE_HOME="/var/state").state_folder == Path("/var/state/ai-ready")
    assert server(XDG_STATE_HOME="state").state_folder == Path("/home/ada/.local/state/ai-ready")
    given = server(AI_READY_DATABASE_URL="postgresql://u:p@h/ai")
    assert (given.state_folder, given.database_url.reveal()) == (None, "postgresql://u:p@h/ai")
    with pytest.raises(ConfigError, match="AI_READY_DATABASE_URL is not set, and there is no HOME"):
        server(HOME="")


def test_everything_that_the_server_lacks_is_named_at_once() -> None:
    """In one sentence; a path stands for the key, and no webhooks need no secret."""
    with pytest.raises(ConfigError) as caught:
        ServerEnv.from_environ({})
    assert re.findall(r"(\w+) is not set: ", str(caught.value)) == [
        "AI_READY_WEBHOOK_SECRET",
        "AI_READY_APP_ID",
        "AI_READY_PRIVATE_KEY",
    ]
    lean = ServerEnv.from_environ(
        {"HOME": "/h", "AI_READY_APP_ID": "1", "AI_READY_PRIVATE_KEY_PATH": "/k.pem", "AI_READY_WEBHOOKS": "OFF"}
    )
    assert (lean.webhook_secrets, lean.private_key_path, bool(lean.private_key)) == ((), Path("/k.pem"), False)


def test_webhooks_that_are_off_need_no_secret_and_take_none() -> None:
    """W06: there is never an endpoint without a secret, nor one with a secret that counts nothing."""
    assert server(AI_READY_WEBHOOKS="off").webhook_secrets == ()
    assert len(server(AI_READY_WEBHOOKS="on").webhook_secrets) == 2


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("AI_READY_WEBHOOK_SECRET", ",", "AI_READY_WEBHOOK_SECRET has to be at least 16 characters, each of them"),
        ("AI_READY_WEBHOOK_SECRET", "a" * 15, "AI_READY_WEBHOOK_SECRET has to be at least 16 characters, each of them"),
        ("AI_READY_WEBHOOK_SECRET", "a" * 16 + ",", "AI_READY_WEBHOOK_SECRET has to be at least 16 characters"),
        ("AI_READY_WEBHOOK_SECRET", "a" * 16 + "\udcff", "AI_READY_WEBHOOK_SECRET is not UTF-8 text."),
        ("AI_READY_APP_ID", "my-app", "AI_READY_APP_ID has to be a whole number above 0."),
        ("AI_READY_PRIVATE_KEY_PATH", "/k.pem", "AI_READY_PRIVATE_KEY and AI_READY_PRIVATE_KEY_PATH are both set"),
        ("AI_READY_RECONCILE_SECONDS", "4", "AI_READY_RECONCILE_SECONDS has to be a whole number from 5 to 86,400."),
        ("AI_READY_RECONCILE_SECONDS", "9" * 5_000, "AI_READY_RECONCILE_SECONDS has to be a whole number from 5"),
        ("AI_READY_CONCURRENT", "0", "AI_READY_CONCURRENT has to be a whole number from 1 to 1,000."),
        ("AI_READY_WEBHOOKS", "maybe", "AI_READY_WEBHOOKS has to be `off`, or not set."),
        ("GITHUB_API_URL", "github", "GITHUB_API_URL is not an address such as https://github.example.com."),
    ],
)
def test_what_the_server_can_not_use_is_named(name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        server(**{name: value})
    assert str(caught.value).startswith(message)
    assert value not in str(caught.value) or len(value) < 7


def test_each_secret_of_the_server_is_known_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both webhook secrets, the key as it is used, a database's password with and without its escapes."""
    for name, value in (SERVE | {"AI_READY_DATABASE_URL": "postgresql://bot:p%40ss-word@db/ai"}).items():
        monkeypatch.setenv(name, value)
    known = {secret.reveal() for secret in known_secrets()}
    assert {"new-secret-0123456789", "old-secret-0123456789", "p%40ss-word", "p@ss-word"} <= known
    assert server().private_key.reveal() in known


# ---------------------------------------------------------------------------------------------- Slack

WEBHOOK = "https://hooks.slack.com/services/T0123456/B0123456/abcdefghijklmnopqrstuvwx"


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        (WEBHOOK, True),
        (WEBHOOK.replace("slack.com", "slack-gov.com"), True),
        ("https://chat.example.com/hooks/abcdefghijkl", True),
        ("https://chat.example.com:8443/hooks/abcdefghijkl", True),
        ("http://127.0.0.1:8065/hooks/abcdefghijkl", True),
        ("http://chat.example.com/hooks/abcdefghijkl", False),
        (WEBHOOK.replace("https", "http"), False),
        (WEBHOOK.replace("/services/", "/triggers/"), False),
        (WEBHOOK.replace("slack.com", "slack.com.evil.example"), False),
        (WEBHOOK.replace("https://", "https://hooks.slack.com@evil.example/"), False),
        (WEBHOOK.replace("https://", "https://user@"), False),
        (WEBHOOK.replace(".com", ".com:8443"), False),
        (WEBHOOK + "?x=1", False),
        (WEBHOOK + "\n", True),
        (WEBHOOK.replace("T01", "T0 1"), False),
        (WEBHOOK.replace("T01", "T0\u00e9"), False),
        ("https://hooks.slack.com/services/", False),
        ("https://chat.example.com/", False),
        ("https://elsewhere.example.com/hooks/abcdefghijkl", False),
        ("http://127.0.0.1:9/hooks/abcdefghijkl", False),
        ("https://[::1/hooks/abc", False),
        ("sk-ant-api03-0123456789", False),
        ("", False),
    ],
)
def test_an_address_is_posted_to_only_where_it_is_a_webhook(address: str, taken: bool) -> None:
    """Slack itself, and hosts that whoever runs the machine has allowed; http to this machine alone."""
    hosts = "chat.example.com, CHAT.example.com:8443,127.0.0.1:8065"
    read = env(MY_HOOK=address, AI_READY_SLACK_HOSTS=hosts)

    assert read.slack.addresses == ({"MY_HOOK": Secret(address.strip())} if taken else {})


def test_a_webhook_is_a_secret_whatever_its_variable_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redaction knows it, and nobody picks it from the environment by name: git and the agent's commands do."""
    read = env(TEAM_B=WEBHOOK, SLACK_WEBHOOK_URL="not an address, but secret", LANG="C")
    monkeypatch.setattr(os, "environ", {"TEAM_B": WEBHOOK, "SLACK_WEBHOOK_URL": "not an address, but secret"})

    for known in (read.secrets, known_secrets()):
        assert {Secret(WEBHOOK), Secret("not an address, but secret")} <= set(known)
    assert not {"TEAM_B", "SLACK_WEBHOOK_URL"} & set(read.others)
    assert read.others["LANG"] == "C"
    assert WEBHOOK not in repr(read)


@pytest.mark.parametrize(
    "name", ["ANTHROPIC_API_KEY", "GITHUB_TOKEN", "AI_READY_PRIVATE_KEY", "CLAUDE_CODE_OAUTH_TOKEN"]
)
def test_a_config_can_not_name_another_secret_as_the_webhook(name: str) -> None:
    """Refused in the file already; and its value, not being a webhook, could not be posted to."""
    assert f"not `{name}`" in bad(f"notify: {{slack_webhook_env: {name}}}")
    # Even an address in one of our own variables is none that may be named.
    assert env(
        ANTHROPIC_BASE_URL="https://chat.example.com/hooks/abc", AI_READY_SLACK_HOSTS="chat.example.com"
    ).slack == (SlackHooks())
