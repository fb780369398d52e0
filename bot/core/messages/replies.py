"""Short answers to commands."""

from collections.abc import Iterable

from bot.core.commands import COMMANDS, BadCommand
from bot.core.markers import hide
from bot.core.messages.words import name
from bot.core.model import Actor
from bot.core.names import REPLY_MARKER
from bot.core.outbound import one_line


def reply(comment_id: int, text: str) -> str:
    """A short answer to one comment; said once, by its hidden line."""
    return f"{text}\n\n{hide(REPLY_MARKER, {'to': comment_id})}"


def without_marker(body: str) -> str:
    """What such an answer shows."""
    return body.rpartition("\n\n")[0]


def who_may_ask(actor: Actor) -> str:
    """A refusal, in one line."""
    return f"{name(actor)}, only people with write or admin permission here may give me commands."


def bad_command(command: BadCommand) -> str:
    """What was wrong with a command, and the nearest right one."""
    hint = f" Did you mean `{command.suggestion}`?" if command.suggestion else ""
    return f"{command.problem}{hint} `/ai help` lists the commands."


def help_text() -> str:
    """`/ai help`, from the one table of commands."""
    rows = ["| command | what it does |", "|---|---|"]
    rows += [f"| `{spec.usage}` | {spec.summary} |" for spec in COMMANDS]
    return "\n".join(rows)


def already_running(url: str) -> str:
    """The answer to a request while a run is at work."""
    return f"A run of this issue is at work already{f' ([log]({url}))' if url else ''}; `/ai stop` ends it."


def not_on_actions() -> str:
    """Of `/ai stop`, where the run is out of its reach."""
    return "This run is not in GitHub Actions but on somebody's own computer, where Ctrl+C ends it."


def no_specification() -> str:
    """`/ai init` on an issue without text."""
    return "This issue holds no specification: write one into its description, then `/ai init` plans the issues."


def issues_being_made() -> str:
    """Of a request while the issues of a plan are made."""
    return "The issues of the approved plan are being made; ask again when that is over, or `/ai stop` ends it."


def specification_edited() -> str:
    """`/ai approve` of a plan of issues whose specification reads otherwise by now."""
    return "Title or body changed since the plan was made, so nothing was made of it. `/ai init` makes a new plan."


def plan_edited() -> str:
    """`/ai approve` of a plan of issues that is not as we wrote it."""
    return (
        "The comment with the plan was edited or is damaged, so nothing was made of it: what is approved has to be what "
        "is made. `/ai init` makes a new plan."
    )


def on_a_pull(issue: int) -> str:
    """Runs are asked for on issues; `issue`: the one that the pull request is for, 0: it is none of ours."""
    if not issue:
        return "Runs are asked for on the issue, not on a pull request; write the command there."
    return f"Runs are asked for on the issue: write the command on #{issue}, or `/ai fix what to change` here."


def nothing_to_fix() -> str:
    """A review round is asked for on an issue that has no open pull request of ours."""
    return "`/ai fix` mends an open pull request of mine, and there is none for this issue; `/ai run` asks for one."


def fix_elsewhere() -> str:
    """It is somebody else's pull request, or is open no more."""
    return "`/ai fix` mends an open pull request of mine only; nothing was started."


def issue_is_closed(issue: int) -> str:
    """Of a command on the pull request of a closed issue."""
    return f"#{issue} is closed; reopen it first, then ask again."


def no_rounds_left(rounds: int, issue: int) -> str:
    """`limits.review_rounds` is reached."""
    goes_on = f"`/ai run say what to change` on #{issue} goes on with it."
    if not rounds:
        return f"Review rounds are off here (`limits.review_rounds: 0`); {goes_on}"
    had = "its only review round" if rounds == 1 else f"all {rounds} review rounds"
    return f"This pull request has had {had} (`limits.review_rounds`); {goes_on}"


def no_plan() -> str:
    """`/ai approve` where no plan waits."""
    return "No plan waits for approval here, so nothing was started. `/ai run` asks for a run."


def edited_since_planned() -> str:
    """`/ai approve` of a plan for an issue that reads otherwise by now."""
    return (
        "Title or body changed since the plan was made, so nothing was started. Read the issue as it is now; "
        "`/ai approve` once more starts the work on it."
    )


def already_approved() -> str:
    """`/ai approve` where the work on the plan is about to begin."""
    return "The plan is approved already, and its run is about to begin; `/ai stop` withdraws it."


def on_a_closed_issue() -> str:
    """Nothing runs for a closed issue."""
    return "This issue is closed; reopen it first, then ask again."


def unknown_model(model: str, allowed: Iterable[str]) -> str:
    """`--model` takes what the config names, and the aliases."""
    known = ", ".join(f"`{one_line(item, limit=80)}`" for item in allowed)
    return f"`{one_line(model, limit=80)}` is not among the models allowed here: {known}. Nothing was started."
