"""The agent's brief: the issue, sanitised, with what the checkout and the config add; and what had to be left out."""

import secrets
from dataclasses import dataclass

from bot.agent.invisible import without_invisible
from bot.agent.prompt import PromptFacts, Said, build_prompt
from bot.agent.round_prompt import MergeFacts
from bot.agent.sanitize import sanitise
from bot.core.checkpoints import may_ask_people
from bot.core.messages.words import counted
from bot.core.paths import printable
from bot.core.rounds import Round
from bot.core.run import Admission
from bot.core.settings import RepoConfig
from bot.core.specs.mark import unmarked
from bot.core.verdict import Bounds
from bot.job.checks import Planned
from bot.job.git import Git
from bot.job.round import shown
from bot.job.workspace import Workspace

MAX_DIFF = 1 << 20


@dataclass(frozen=True, slots=True)
class Task:
    """What a run is about: facts that `work` read again, never what `gate` passed on."""

    admission: Admission
    config: RepoConfig
    body: str
    """The issue's body, as it is."""
    comments: tuple[Said, ...] = ()
    """Those of people who may ask, as they are, oldest first."""
    plan: str = ""
    """The plan that was approved, as our comment has it."""
    earlier_guidance: tuple[str, ...] = ()
    """What the maintainers said with the requests that this one goes on from."""
    earlier: str = ""
    """How the run ended that this one goes on from, as our comment has it."""
    round: Round | None = None
    """A review round."""
    there: tuple[str, ...] = ()
    """Of an `init`: titles of the issues that have keys."""
    role: str = ""
    """What the role is about in which the agent works; empty: it has none."""
    builds_on: bool = False
    """What the start has besides the base is no earlier work on this, but finished work of tasks that come first."""
    resumes: bool = False
    """Earlier work on this is on the branch, and may be all that there is to do: then a `done` that changes nothing is
    one, if the checks pass."""
    elsewhere: str = ""
    """The branch that the open pull request goes to, where that is not the admission's base: nothing is merged then."""


@dataclass(frozen=True, slots=True)
class Brief:
    """The first prompt."""

    prompt: str
    fence: str
    """The random word that marks other people's text; follow-ups use the same."""
    notes: tuple[str, ...]


def brief(task: Task, workspace: Workspace, commands: tuple[Planned, ...]) -> Brief:
    """Write the first prompt, and note what of the issue the agent does not read."""
    body = sanitise(unmarked(task.body))
    comments = [(said.author, sanitise(said.text)) for said in task.comments]
    plan, earlier = sanitise(task.plan).text, sanitise(task.earlier).text
    guidance, *earlier_guidance = map(sanitise, (task.admission.guidance, *task.earlier_guidance))
    texts = [body, sanitise(task.admission.title), guidance, *earlier_guidance, *(clean for _, clean in comments)]
    asked = shown(task.round, task.admission) if task.round else None
    merge = workspace.merge
    # Reviewers read files as they are written, so that only what can't be seen in a file is hidden there.
    guides = {name: without_invisible(text) for name, text in workspace.guides.items()}
    fence = f"data-{secrets.token_hex(6)}"
    admission = task.admission
    prompt = build_prompt(
        PromptFacts(
            repo=admission.repo,
            issue=admission.issue,
            title=texts[1].text,
            body=body.text,
            fence=fence,
            comments=tuple(Said(author, clean.text) for author, clean in comments),
            rules=tuple((name, text) for name, (text, _) in guides.items()),
            guidance=guidance.text,
            earlier_guidance=tuple(each.text for each in earlier_guidance),
            instructions=task.config.agent.instructions,
            checks=tuple((planned.name, planned.command) for planned in commands),
            previous_summary=earlier,
            continued=admission.head_oid != admission.base_oid and not task.builds_on,
            previous_diff="" if task.builds_on else _earlier_diff(workspace, admission),
            plan=plan,
            planning=admission.kind == "plan",
            asking_allowed=may_ask_people(task.config),
            task=admission.task,
            role=task.role,
            builds_on=admission.base if task.builds_on else "",
            round=asked.facts if asked else None,
            merge=MergeFacts(admission.base, tuple(map(printable, merge.conflicts))) if merge else None,
        )
    )
    where = "task" if admission.task else "issue"
    notes = left_out(sum(text.hidden for text in texts), sum(text.images for text in texts), where)
    notes += left_out(sum(runs for _, runs in guides.values()), 0, "repository's guides")
    if asked:
        notes += left_out(asked.hidden, asked.images, "review")
    return Brief(prompt, fence, (*notes, *_unheard(task.round)))


def bounds_of(task: Task) -> Bounds:
    """The limits that the run was given."""
    admission = task.admission
    return Bounds(admission.usd, admission.minutes, task.config.agent.max_turns, admission.seconds)


def _earlier_diff(workspace: Workspace, admission: Admission) -> str:
    """What is on the branch already, when this run goes on from earlier work."""
    git = workspace.git
    if admission.head_oid == admission.base_oid:
        return ""
    if workspace.merge:
        return _diff(git, admission.base_oid, workspace.start)
    fork = git.attempt("merge-base", admission.base_oid, admission.head_oid)
    if fork.exit_code != 0:
        return ""  # it lies further back than the history we fetched; the agent sees the files
    start = fork.out.decode("ascii").strip()
    return _diff(git, start, admission.head_oid)


def _diff(git: Git, old: str, new: str) -> str:
    ran = git.attempt("diff-tree", "-p", "-r", old, new, most=MAX_DIFF)
    return without_invisible(ran.out.decode("utf-8", "replace"))[0]


def _unheard(found: Round | None) -> tuple[str, ...]:
    if found is None or not found.unheard:
        return ()
    return (f"{found.unheard} older review conversations were not given to the agent: there are too many",)


def left_out(hidden: int, images: int, where: str) -> tuple[str, ...]:
    """Notes on what of a text the agent does not read; `where`: what the text is called."""
    notes = []
    if hidden:
        notes.append(f"Hidden text in the {where} was not given to the agent ({counted(hidden, 'place')})")
    if images:
        notes.append(f"Images in the {where} were not read ({counted(images, 'place')})")
    return tuple(notes)
