"""Stories of `ai-ready run`: the three jobs in a row on a laptop, as a process, with a person's own token."""

import signal
import subprocess
import time
from dataclasses import dataclass

import pytest

from bot.sandbox.actions.processes import descendants
from bot.sandbox.model import Turn, done, needs_input, write
from tests.stories.conftest import Opens
from tests.stories.town import COMMAND, CONFIG, Town, wait_until

WORK = (write("hello.py", "print('hello')\n"), done("Ok."))


@dataclass(frozen=True)
class Ran:
    """How the command ended."""

    code: int
    out: str
    err: str


def ai_ready_run(town: Town, *words: str, **more: str) -> Ran:
    """`ai-ready run …` to its end."""
    process = start(town, *words, **more)
    code = process.wait(timeout=60)
    logs = town.folder / "runs"
    return Ran(code, (logs / "out.log").read_text(), (logs / "err.log").read_text())


def start(town: Town, *words: str, **more: str) -> "subprocess.Popen[bytes]":
    """`ai-ready run …` by the owner of the laptop: rita, who has admin, where nothing else was said."""
    town.laptop = token = town.laptop or town.hub.tokens.personal(town.rita.user)
    town.tokens.append(token)
    key = {"ANTHROPIC_API_KEY": town.key, "ANTHROPIC_BASE_URL": town.model.url}
    environ = town.environ(token, None, **{**key, **more})
    logs = town.folder / "runs"
    logs.mkdir(exist_ok=True)
    with (logs / "out.log").open("wb") as out, (logs / "err.log").open("wb") as err:
        return subprocess.Popen((COMMAND, "run", *words), env=environ, stdout=out, stderr=err, start_new_session=True)


def test_done_is_exit_code_zero(opens: Opens) -> None:
    """With a label on the issue: gate, work and publish in a row, one draft pull request, exit 0."""
    town = opens(*WORK)
    issue = town.asked()

    ran = ai_ready_run(town, "--issue", "1")

    assert ran.code == 0, ran
    assert "Done: draft PR #2 for #1" in ran.out
    assert len(town.verdicts(issue)) == 1
    assert town.read("ai/issue-1", "hello.py")
    assert town.labels(issue) == {"ai-done"}


def test_git_may_be_a_folder(opens: Opens) -> None:
    """`GITHUB_SERVER_URL=file://…`: cloned from there and pushed to there."""
    town = opens(*WORK)
    issue = town.asked()
    served = town.folder / "served" / "acme"
    served.mkdir(parents=True)
    (served / "shop.git").symlink_to(town.repo.path)

    ran = ai_ready_run(town, "--issue", "1", GITHUB_SERVER_URL=(town.folder / "served").as_uri())

    assert ran.code == 0, ran
    assert town.verdict(issue).startswith("Done")
    assert town.read("ai/issue-1", "hello.py")
    assert [one.path for one in town.hub.requests.all() if one.door == "git"] == []


def test_blocked_is_exit_code_one(opens: Opens) -> None:
    """The verdict is on the issue and on the terminal."""
    town = opens(needs_input("In which language?"))
    issue = town.asked()

    ran = ai_ready_run(town, "--issue", "1")

    assert ran.code == 1
    assert "Blocked (needs-input)" in ran.err
    assert town.verdict(issue).startswith("Blocked (needs-input)")


def test_an_invalid_config_is_blocked(opens: Opens) -> None:
    """Nothing runs; the sentence names the key."""
    town = opens(*WORK, config=CONFIG + "nonsense: 1\n")
    town.asked()

    ran = ai_ready_run(town, "--issue", "1")

    assert ran.code == 1
    assert "nonsense" in ran.err
    assert town.model.requests == []


def test_waiting_is_exit_code_three(opens: Opens) -> None:
    """What it waits for is on the terminal and in the status comment; other issues are left alone."""
    town = opens(*WORK)
    first, second = town.asked("[SHOP-1.1] First"), town.asked("[SHOP-1.2] Second")

    ran = ai_ready_run(town, "--issue", "2")

    assert ran.code == 3
    assert "aiting for acme/shop#1" in ran.err
    assert "#1" in town.status(second)
    assert town.said(first) == []
    town.hub.issues.remove_label(first, "ai-ready", town.rita)
    town.start().all_jobs()
    assert "nobody" in town.status(second)


def test_running_is_not_asking(opens: Opens) -> None:
    """Without a request it says so and does nothing; with `--request` it asks as the token's user."""
    town = opens(*WORK)
    issue = town.issue()

    refused = ai_ready_run(town, "--issue", "1")
    asked = ai_ready_run(town, "--issue", "1", "--request")

    assert refused.code == 3
    assert "--request" in refused.err
    assert asked.code == 0, asked
    assert [comment.body for comment in issue.comments].count("/ai run") == 1
    assert town.verdict(issue).startswith("Done")


def test_a_paused_repository_is_exit_code_three(opens: Opens) -> None:
    """AI_READY_PAUSED holds a laptop as well."""
    town = opens(*WORK)
    issue = town.asked()

    ran = ai_ready_run(town, "--issue", "1", AI_READY_PAUSED="yes")

    assert ran.code == 3
    assert "paused" in ran.err
    assert town.verdicts(issue) == []
    town.settle()


def test_an_empty_repository_is_exit_code_three(opens: Opens) -> None:
    """No commit yet: nothing to build on, and the status comment says so."""
    town = opens(*WORK, files=None, config=None)
    issue = town.asked()

    ran = ai_ready_run(town, "--issue", "1")

    assert ran.code == 3
    assert "no commits yet" in ran.err
    assert "no commits yet" in town.status(issue)
    assert town.labels(issue) == {"ai-ready", "ai-waiting"}


def test_a_number_that_is_no_open_issue_is_exit_code_two(opens: Opens) -> None:
    """Missing, closed, a pull request: one sentence each, nothing written."""
    town = opens(*WORK)
    issue = town.issue()
    town.hub.issues.close(issue, town.rita)
    town.push({"a.txt": "a\n"}, branch="theirs")
    town.hub.pulls.create(town.repo, town.rita, title="By hand", head="theirs", base="main")

    ends = [ai_ready_run(town, "--issue", number, *more) for number in "129" for more in ((), ("--request",))]

    assert [ran.code for ran in ends] == [2] * 6
    for ran, word in zip(ends[::2], ("closed", "pull request", "no issue #9"), strict=True):
        assert word in ran.err
        assert ran.err.count("\n") == 1
    assert town.said(issue) == []


def test_ctrl_c_ends_with_a_verdict(opens: Opens) -> None:
    """One Ctrl-C while the agent works: within seconds Blocked (cancelled), the work so far kept, exit 1."""
    town = opens(WORK[0], Turn(delay=60))
    issue = town.asked()
    process = start(town, "--issue", "1")
    wait_until(lambda: len(town.prompts()) > 1, "the agent works")
    begun = time.monotonic()

    process.send_signal(signal.SIGINT)
    code = process.wait(timeout=20)

    assert time.monotonic() - begun < 7
    assert code == 1
    assert town.verdict(issue) == "Blocked (cancelled): The run was cancelled."
    assert town.read("ai/issue-1", "hello.py")
    assert descendants(process.pid) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"GITHUB_TOKEN": ""}, "GITHUB_TOKEN is not set"),
        ({"GITHUB_REPOSITORY": "shop"}, "GITHUB_REPOSITORY"),
        ({"GITHUB_API_URL": "nonsense"}, "GITHUB_API_URL"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_an_environment_that_is_not_right_is_exit_code_two(opens: Opens, change: dict[str, str], word: str) -> None:
    """The variable is named; GitHub is not asked."""
    town = opens(*WORK)
    town.asked()

    ran = ai_ready_run(town, "--issue", "1", **change)

    assert ran.code == 2
    assert word in ran.err
    assert town.hub.requests.api() == ()
    town.settle()


def test_a_run_that_is_at_work_elsewhere(opens: Opens) -> None:
    """Somebody else's run holds the claim: exit 3, and theirs goes on."""
    town = opens(*WORK)
    issue = town.asked()
    run = town.next_run()
    assert run is not None
    run.gate()

    ran = ai_ready_run(town, "--issue", "1")
    town.laptop = None
    run.work()
    run.publish()
    run.end()

    assert ran.code == 3
    assert town.verdict(issue).startswith("Done")


def test_the_person_may_lack_the_right_to_push(opens: Opens) -> None:
    """mallory asks with her own token: nothing is claimed, nothing is started, exit is not 0."""
    town = opens(*WORK)
    issue = town.issue()
    town.laptop = town.hub.tokens.personal(town.mallory.user)

    ran = ai_ready_run(town, "--issue", "1", "--request")

    assert ran.code == 3
    assert "the request was refused" in ran.err
    assert [body for body in town.said(issue) if "only people with write or admin permission" in body]
    assert town.branch("ai/claim-1") == ""
    assert town.model.requests == []


def test_MO2_on_the_backend_anthropic_sdk(opens: Opens) -> None:
    """Nothing else of the run is another: gate, work and publish in a row; the verdict says the model and what it cost."""
    town = opens(*WORK, config=CONFIG.replace("{model: sonnet", "{backend: anthropic-sdk, model: sonnet"))
    issue = town.asked()

    ran = ai_ready_run(town, "--issue", "1")

    assert ran.code == 0, ran
    assert town.verdict(issue).startswith("Done")
    assert "model claude-sonnet-5-5" in town.verdict_bodies(issue)[0]
    assert town.read("ai/issue-1", "hello.py")
    assert {request.headers["user-agent"].split("/")[0] for request in town.model.requests} == {"AsyncAnthropic"}


def test_MO2_with_a_token_alone_that_backend_is_refused(opens: Opens) -> None:
    """Where the CLI would do with it; nothing is asked of the model."""
    town = opens(*WORK, config=CONFIG.replace("{model: sonnet", "{backend: anthropic-sdk, model: sonnet"))
    issue = town.asked()

    ran = ai_ready_run(town, "--issue", "1", ANTHROPIC_API_KEY="", CLAUDE_CODE_OAUTH_TOKEN="sk-ant-oat01-x")

    assert ran.code == 1, ran
    assert town.verdict(issue).startswith(
        "Blocked (config-invalid): API key not found: the backend `anthropic-sdk` needs"
    )
    assert town.model.requests == []
