"""The section `tracker`, read strictly, and the tracker that it opens."""

import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.errors import ConfigError
from bot.trackers.config import BacklogConfig, FileConfig, GithubConfig, HeadlessPmConfig, LinearConfig, parse
from bot.trackers.opening import open_tracker
from bot.trackers.tracker import SourceConfigError, Status


@pytest.mark.parametrize("kind", [FileConfig, BacklogConfig, LinearConfig, HeadlessPmConfig, GithubConfig])
def test_the_sketch_in_each_docstring_parses(kind: type) -> None:
    sketch = inspect.getdoc(kind) or ""

    assert isinstance(parse(yaml.safe_load(sketch[sketch.index("tracker:") :])["tracker"]), kind)


def test_TS7_files_are_the_default() -> None:
    assert parse(None) == parse({}) == parse({"type": "file"}) == FileConfig(".ai-ready/tasks")


def test_statuses_have_the_sources_own_names() -> None:
    config = parse({"type": "backlog", "statuses": {"in_review": " Review "}})

    assert isinstance(config, BacklogConfig)
    assert config.statuses == {Status.IN_REVIEW: "Review"}


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("file", "`tracker` must have keys of its own"),
        ({"type": "notion"}, "`tracker.type` must be one of file, backlog, linear, headless-pm, github, not `notion`."),
        ({"type": ["file"]}, "`tracker.type` must be one of"),
        ({"folders": "x"}, "`tracker.folders` is no key of the task source file; did you mean `folder`?"),
        ({"type": "file", "role": "qa"}, "`tracker.role` is no key of the task source file; there are folder"),
        ({"folder": ""}, "`tracker.folder` must not be empty"),
        ({"folder": 7}, "`tracker.folder` must be a text, not `7`: put it in quotes"),
        ({"type": "headless-pm", "role": "fullstack_dev"}, "`tracker.role` must be one of frontend_dev, backend_dev"),
        ({"type": "headless-pm", "feature_id": True}, "`tracker.feature_id` must be a whole number"),
        ({"type": "backlog", "statuses": {"doing": "x"}}, "`tracker.statuses.doing` is no status; there are todo"),
        ({"type": "backlog", "statuses": {"done": 1}}, "`tracker.statuses.done` must be the name"),
        ({"type": "backlog", "statuses": {"done": "A", "todo": "a"}}, "has a twice"),
        ({"type": "linear", "api_key_env": "AWS_SECRET_ACCESS_KEY"}, "must be a variable's name with LINEAR in it"),
        ({"type": "github", "api_key_env": "NPM_TOKEN"}, "must be a variable's name with GITHUB in it"),
        ({"type": "github", "repo": "shop"}, "`tracker.repo` must be a repository such as `owner/name`, not `shop`"),
        ({"type": "github", "team_id": "x"}, "`tracker.team_id` is no key of the task source github; there are repo"),
        ({"type": "headless-pm", "url": "http://evil.example"}, "`tracker.url` is no key"),
        ({"type": "backlog", "command": "tools/backlog"}, "a file of the checkout may be an agent's"),
    ],
)
def test_what_is_wrong_is_named(section: Any, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(section)

    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("section", "environ", "source"),
    [
        ({}, {}, "file"),
        ({"type": "backlog"}, {}, "backlog"),
        ({"type": "headless-pm"}, {"HEADLESS_PM_API_KEY": "k"}, "headless-pm"),
        ({"type": "linear"}, {"LINEAR_API_KEY": "k"}, "linear"),
        ({"type": "linear", "api_key_env": "TEAM_LINEAR_KEY"}, {"TEAM_LINEAR_KEY": "k"}, "linear"),
    ],
)
def test_each_opens(section: dict[str, Any], environ: dict[str, str], source: str, tmp_path: Path) -> None:
    assert open_tracker(parse(section), agent="ada", root=tmp_path, environ=environ).source == source


def test_TS6_github_issues_are_opened_by_the_runner_and_planned_on_github(tmp_path: Path) -> None:
    assert parse({"type": "github", "repo": "acme/shop"}) == GithubConfig("acme/shop", "GITHUB_TOKEN")
    with pytest.raises(SourceConfigError, match="comment `/ai init` there"):
        open_tracker(GithubConfig("acme/shop"), agent="ada", root=tmp_path, environ={})


def test_TS8_the_address_has_a_default_and_may_name_the_api(tmp_path: Path) -> None:
    def url(**environ: str) -> str:
        environ["HEADLESS_PM_API_KEY"] = "k"
        tracker = open_tracker(HeadlessPmConfig(), agent="ada", root=tmp_path, environ=environ)
        return str(tracker.api.url)  # type: ignore[attr-defined]

    assert url() == "http://localhost:6969/api/v1"
    assert url(HEADLESS_PM_API_URL="https://pm.example/") == "https://pm.example/api/v1"
    assert url(HEADLESS_PM_API_URL="https://pm.example/api/v1") == "https://pm.example/api/v1"
    with pytest.raises(SourceConfigError, match="HEADLESS_PM_API_URL is not an address"):
        url(HEADLESS_PM_API_URL="pm.example")


@pytest.mark.parametrize(("kind", "name"), [("headless-pm", "HEADLESS_PM_API_KEY"), ("linear", "LINEAR_API_KEY")])
def test_TS5_CF3_a_missing_key_is_named(kind: str, name: str, tmp_path: Path) -> None:
    with pytest.raises(SourceConfigError, match=f"API key not found: {name} is not set"):
        open_tracker(parse({"type": kind}), agent="ada", root=tmp_path, environ={name: " "})


@pytest.mark.parametrize("agent", ["", "a b", "a,b", "`a`", "a\n", "-a", "x" * 65])
def test_an_agents_name_fits_every_source(agent: str, tmp_path: Path) -> None:
    with pytest.raises(SourceConfigError, match="An agent's name has letters"):
        open_tracker(FileConfig(), agent=agent, root=tmp_path, environ={})
