"""The story of an initialization: read the spec, ask the agent for a plan, show it, make the tasks, write the marker.

What was begun is finished first, by the plan that was agreed to then. A project that is there already is only shown, unless
somebody says `--force`: then what is missing is made and what changed is updated. Nothing is ever made twice.
"""

import hashlib
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final, Literal

from bot.core.messages.words import counted
from bot.core.outbound import one_line
from bot.core.specs.diff import Diff, compare
from bot.core.specs.planned import MOST_PROJECT
from bot.core.specs.shown import plan_markdown
from bot.core.specs.spec import Spec
from bot.errors import UsageError
from bot.initializer.creating import Creation, Made
from bot.initializer.looking import Seen, look
from bot.initializer.state import (
    PROGRESS,
    SHOWN,
    Progress,
    ProjectState,
    Session,
    forget_progress,
    now_text,
    read_progress,
    read_state,
    write_progress,
    write_state,
)
from bot.job.initializing import MOST_SPEC, Commission, Draft, UnusableSpec, spec_of
from bot.local.checkout import open_checkout
from bot.trackers.tracker import Status, Tracker

MOST_SPEC_BYTES: Final = 4 * MOST_SPEC


class NoSpec(UsageError):
    """There is no such file. Exit 1, as the runner before this one had it."""

    exit_code: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants."""

    spec: Path
    project: str = ""
    """Empty: made of the file's name."""
    force: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """What an initialization works with."""

    folder: Path
    """Where the marker is."""
    tracker: Tracker
    draft: Callable[[Commission], Draft]
    show: Callable[[str], None]
    """The plan, as Markdown."""
    agree: Callable[[], bool]
    """Whether what was shown is to be carried out."""
    tell: Callable[[str], None]
    """A line for the person."""
    wait: Callable[[float], None] = time.sleep
    keeps_plans: bool = True
    """Whether a plan that was shown is kept until somebody agrees to it: it was paid for, and is a model's."""


@dataclass(frozen=True, slots=True)
class InitializationResult:
    """What came of it."""

    success: bool
    state: Literal["created", "exists", "shown", "declined", "failed"]
    """`exists`: it was initialized before, and nothing was changed. `shown`: a dry run."""
    tasks_created: int = 0
    """Without META."""
    error: str = ""
    raw_analysis: str = ""
    """The agent's answer, as it was given."""
    task_ids: tuple[str, ...] = ()
    meta_task_id: str = ""
    tasks_updated: int = 0
    project_name: str = ""
    usd: float = 0.0
    """What the model cost."""
    notes: tuple[str, ...] = field(default=())


def initialize(wish: Wish, desk: Desk) -> InitializationResult:
    """Do it. Raises `UsageError` (a spec, a marker or settings that can't be used) and `TrackerError`."""
    begun = read_progress(desk.folder)
    if begun is not None:
        _demand_own(desk.folder, PROGRESS)
        return _go_on(begun, wish, desk)
    text = read_spec_file(wish.spec)
    state = read_state(desk.folder)
    if state is not None and not wish.force:
        return _existing(state, text, desk)
    spec, notes = _understood(wish.spec, text)
    for note in notes:
        desk.tell(f"Note: {note}")
    desk.tracker.check((Status.TODO,))
    seen = look(desk.tracker)
    project = one_line(wish.project, MOST_PROJECT) or (state.project_name if state else name_of(wish.spec))
    shown = _shown(desk, text, project)
    if shown is not None:
        day = shown.started_at.replace("T", " ").removesuffix("Z")
        desk.tell(f"This plan was made on {day} UTC; remove {SHOWN} to have another one.")
        return _with_plan(shown, compare(shown.plan, seen.existing), desk, wish, 0.0)
    draft = desk.draft(Commission(spec, project, there=tuple(each.title for each in seen.existing)))
    usd = max((max(report.usd, report.metered_usd) for report in draft.reports), default=0.0)
    if draft.plan is None:
        return _failed(draft, project, usd)
    progress = Progress(uuid.uuid4().hex[:12], desk.tracker.source, now_text(), draft.plan, str(wish.spec), _sha(text))
    if desk.keeps_plans:
        write_progress(desk.folder, progress, SHOWN)
    return _with_plan(progress, compare(draft.plan, seen.existing), desk, wish, usd)


def _shown(desk: Desk, text: str, project: str) -> Progress | None:
    """The plan for this very spec that somebody saw and did not agree to yet: no other one is paid for."""
    there = read_progress(desk.folder, SHOWN) if desk.keeps_plans else None
    wanted = (_sha(text), project, desk.tracker.source)
    fits = there is not None and (there.spec_sha256, there.plan.project, there.provider_type) == wanted
    if fits:
        _demand_own(desk.folder, SHOWN)
    return there if fits else None


def _demand_own(folder: Path, name: str) -> None:
    """Raise `UsageError` for a plan that came with a clone: nobody here saw it, let alone agreed to it."""
    if (folder / ".git").exists() and open_checkout(folder, {}).is_committed(name):
        raise UsageError(
            f"{name} is in git, so it may be somebody else's plan that nobody agreed to here: `git rm {name}`, or "
            f"`git rm --cached {name}` where it is your own."
        )


def read_spec_file(path: Path) -> str:
    """The spec's text. Raises `NoSpec`, or `UsageError` for what is no text."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_SPEC_BYTES + 1)
    except FileNotFoundError:
        raise NoSpec(f"There is no file {path}: say where the spec is with --spec.") from None
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder: name the file in it that holds the spec.") from None
    except OSError as error:
        raise UsageError(f"{path} can't be read ({error.strerror}).") from None
    if len(data) > MOST_SPEC_BYTES:
        size = path.stat().st_size / 1e6
        raise UsageError(
            f"{path} can't be used: it has {size:.1f} MB, and {MOST_SPEC:,} characters are the most: split it."
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UsageError(f"{path} can't be used: it is not UTF-8 text; save the spec as Markdown.")
    return text


def name_of(spec: Path) -> str:
    """A project's name out of its spec's: `my-app_spec.md` is My App Spec."""
    words = (f"{word[:1].upper()}{word[1:]}" for word in re.split(r"[\s_.-]+", spec.stem))
    return one_line(" ".join(words).strip(), MOST_PROJECT) or "Project"


def _understood(path: Path, text: str) -> tuple[Spec, tuple[str, ...]]:
    try:
        return spec_of(text)
    except UnusableSpec as error:
        raise UsageError(f"{path} can't be used: {error.why}.") from None


# ------------------------------------------------------------------------------------------ the ways


def _existing(state: ProjectState, text: str, desk: Desk) -> InitializationResult:
    """It was done before."""
    counts = _counts(state, look(desk.tracker)) if state.provider_type == desk.tracker.source else ""
    desk.tell(
        f"{state.project_name} was initialized on {state.initialized_at[:10]} in the task source {state.provider_type}: "
        f"{counted(state.total_tasks, 'task')}{counts}. Nothing was changed."
    )
    changed = bool(state.spec_sha256) and state.spec_sha256 != _sha(text)
    since = "The spec has changed since. " if changed else ""
    desk.tell(f"{since}With --force, what is missing is made and what changed is updated.")
    return InitializationResult(
        True, "exists", 0, task_ids=state.task_ids, meta_task_id=state.meta_task_id, project_name=state.project_name
    )


def _counts(state: ProjectState, seen: Seen) -> str:
    found = [seen.tasks[each].status for each in state.task_ids if each in seen.tasks]
    said = [f"{found.count(status)} {status.value}" for status in Status if status in found]
    gone = len(state.task_ids) - len(found)
    said += [f"{gone} not there any more"] if gone else []
    return f" ({', '.join(said)})" if said else ""


def _failed(draft: Draft, project: str, usd: float) -> InitializationResult:
    refusal = draft.refusal
    text = refusal.text if refusal else "There is no plan."
    details = f"\n{refusal.details}" if refusal and refusal.details else ""
    error = f"No task was made: {text}{details}"
    return InitializationResult(False, "failed", 0, error, draft.raw, project_name=project, usd=usd)


def _with_plan(progress: Progress, diff: Diff, desk: Desk, wish: Wish, usd: float) -> InitializationResult:
    plan = progress.plan
    desk.show(plan_markdown(plan, diff))
    if wish.dry_run:
        desk.tell("Nothing was made: this was a dry run. Without --dry-run, this very plan is carried out.")
        return InitializationResult(True, "shown", project_name=plan.project, usd=usd)
    if not desk.agree():
        forget_progress(desk.folder, SHOWN)
        desk.tell("Nothing was made.")
        return InitializationResult(True, "declined", project_name=plan.project, usd=usd)
    write_progress(desk.folder, progress)
    return _carry_out(progress, desk, usd)


def _go_on(begun: Progress, wish: Wish, desk: Desk) -> InitializationResult:
    """The plan was agreed to before: it is carried out to its end."""
    name, source = begun.plan.project, desk.tracker.source
    there = f"{len(begun.made)} of {len(begun.plan.tasks) + 1} tasks were made"
    if source != begun.provider_type:
        raise UsageError(
            f"The initialization of {name} in the task source {begun.provider_type} was interrupted, and the source is "
            f"{source} now: go back to it, or remove {PROGRESS} to give that up."
        )
    if wish.dry_run:
        desk.tell(f"The initialization of {name} was interrupted ({there}); without --dry-run it goes on.")
        return _with_plan(begun, compare(begun.plan, look(desk.tracker).existing), desk, wish, 0.0)
    desk.tell(f"The initialization of {name} was interrupted ({there}): going on with its plan.")
    desk.tracker.check((Status.TODO,))
    return _carry_out(begun, desk, 0.0)


def _carry_out(progress: Progress, desk: Desk, usd: float) -> InitializationResult:
    creation = Creation(
        desk.tracker,
        progress,
        keep=lambda now: write_progress(desk.folder, now),
        tell=desk.tell,
        wait=desk.wait,
    )
    made = creation.carry_out()
    state = read_state(desk.folder)
    write_state(desk.folder, _state(made, state))
    forget_progress(desk.folder)
    for note in made.notes:
        desk.tell(f"Note: {note}")
    created = sum(key in made.progress.made for key in (task.key for task in made.progress.plan.tasks))
    return InitializationResult(
        True,
        "created",
        created,
        task_ids=made.task_ids,
        meta_task_id=made.meta_task_id,
        tasks_updated=len(made.progress.updated),
        project_name=made.progress.plan.project,
        usd=usd,
        notes=made.notes,
    )


def _state(made: Made, before: ProjectState | None) -> ProjectState:
    """The marker; what was initialized before keeps its name and day."""
    progress, plan = made.progress, made.progress.plan
    created = sum(task.key in progress.made for task in plan.tasks)
    session = Session(progress.init, now_text(), created, len(progress.updated))
    same = before if before and before.project_name == plan.project else None
    earlier = [each for each in (same.sessions if same else ()) if each.init != progress.init]
    return ProjectState(
        project_id=same.project_id if same else progress.init,
        project_name=plan.project,
        initialized_at=same.initialized_at if same else session.at,
        provider_type=progress.provider_type,
        meta_task_id=made.meta_task_id,
        total_tasks=len(plan.tasks),
        task_ids=made.task_ids,
        sessions=(*earlier, session),
        spec=progress.spec,
        spec_sha256=progress.spec_sha256,
    )


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
