"""The initializer's agent, for laptop and Action alike: a spec goes in, a plan of phased tasks comes out, or why not.

The agent reads a checkout with tools that change nothing, and answers in a form of its own. What it says is read strictly
(`bot.core.specs.reading`); an answer with flaws is sent back once, in the same session. Nothing is made here.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from bot.agent.answer import Form
from bot.agent.init_prompt import InitFacts, init_again_prompt, init_prompt
from bot.agent.sanitize import sanitise
from bot.core.names import Reason
from bot.core.run import AgentReport
from bot.core.specs.planned import MOST_TASKS, Plan
from bot.core.specs.reading import Flawed, read_answer
from bot.core.specs.schema import SCHEMA
from bot.core.specs.spec import Spec, read_spec
from bot.core.verdict import Bounds, Refusal, agent_refusal, cancelled
from bot.errors import UsageError
from bot.job.brief import left_out
from bot.job.session import Ask
from bot.job.workspace import Screen

MOST_SPEC: Final = 200_000
"""Characters of a spec."""

MOST_ASKS: Final = 2

LONGEST_ANSWER: Final = 4 << 20
"""Characters of an answer that are kept."""


class UnusableSpec(UsageError):
    """Nothing can be planned by this spec. `why`: the end of a sentence that begins with its name."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The spec can't be used: {why}.")
        self.why = why


@dataclass(frozen=True, slots=True)
class Commission:
    """What is to be planned."""

    spec: Spec
    project: str = ""
    """What people call it; empty: the agent says."""
    there: tuple[str, ...] = ()
    """Titles of tasks that exist."""
    guidance: tuple[str, ...] = ()
    """What the maintainers added, oldest first."""
    earlier: str = ""
    """The plan that is to be changed, as text."""
    instructions: str = ""
    most: int = MOST_TASKS
    has_code: bool = True


@dataclass(frozen=True, slots=True)
class Draft:
    """What came of asking."""

    reports: tuple[AgentReport, ...]
    """One for each time."""
    raw: str
    """The last answer as it was given; where it was not in the form that was asked for, the agent's last words."""
    plan: Plan | None = None
    refusal: Refusal | None = None
    """Why there is no plan."""


def spec_of(text: str) -> tuple[Spec, tuple[str, ...]]:
    """The spec as the agent gets it, and notes on what it does not get.

    Raises `UnusableSpec`: it is empty, too long, or contradicts itself.
    """
    if not text.strip():
        raise UnusableSpec("it is empty: write down what is to be built")
    if len(text) > MOST_SPEC:
        raise UnusableSpec(f"it has {len(text):,} characters, and {MOST_SPEC:,} are the most: split it")
    clean = sanitise(text)
    if not clean.text.strip():
        raise UnusableSpec("nothing in it can be seen by a reader: write down what is to be built")
    spec = read_spec(clean.text)
    if spec.flaws:
        more = f" (and {len(spec.flaws) - 1} more such)" if len(spec.flaws) > 1 else ""
        raise UnusableSpec(f"{spec.flaws[0].rstrip('.')}{more}: give each task a key of its own")
    if len(spec.tags) > MOST_TASKS:
        raise UnusableSpec(f"it names {len(spec.tags)} tasks, and {MOST_TASKS} are the most: split it")
    return spec, (*spec.notes, *(f"{note}." for note in left_out(clean.hidden, clean.images, "spec")))


def draft_plan(
    commission: Commission, first: Ask, bounds: Bounds, ask: Callable[[Ask], AgentReport], screen: Screen
) -> Draft:
    """Ask for a plan. `first` says where and within which limits; its prompt, form and tools are made here."""
    fence = f"data-{secrets.token_hex(6)}"
    reports: list[AgentReport] = []
    prompt, found = _prompt(commission, fence), Flawed(())
    for _ in range(MOST_ASKS):
        left = first.seconds - sum(report.seconds for report in reports)
        report = ask(replace(first, prompt=prompt, seconds=max(left, 1.0), read_only=True, form=FORM))
        reports.append(report)
        raw = _raw(report)
        if report.stopped_for == "cancelled":
            return Draft(tuple(reports), raw, refusal=cancelled())
        refusal = agent_refusal(report, bounds, in_form=lambda _: True)
        if refusal is not None:
            return Draft(tuple(reports), raw, refusal=refusal)
        answer = read_answer(report.structured, commission.spec, most=commission.most)
        if isinstance(answer, Plan):
            return _screened(answer, commission, Draft(tuple(reports), raw), screen)
        found = answer
        if found.problem:
            break
        prompt = init_again_prompt(found.flaws, fence=fence)
    return Draft(tuple(reports), raw, refusal=_unusable(found))


def _form(answer: Any) -> Mapping[str, Any] | None:
    return answer if isinstance(answer, dict) else None


FORM: Final = Form(SCHEMA, _form)
"""What is in it, `read_answer` judges."""


def _prompt(commission: Commission, fence: str) -> str:
    return init_prompt(
        InitFacts(
            spec=commission.spec.text,
            fence=fence,
            tags=commission.spec.tags,
            project=commission.project,
            there=tuple(sanitise(title).text for title in commission.there),
            guidance=tuple(sanitise(each).text for each in commission.guidance),
            earlier=sanitise(commission.earlier).text,
            instructions=commission.instructions,
            most=commission.most,
            has_code=commission.has_code,
        )
    )


def _raw(report: AgentReport) -> str:
    if report.structured is None:
        return report.words
    return json.dumps(report.structured, indent=1, ensure_ascii=False)[:LONGEST_ANSWER]


def _screened(plan: Plan, commission: Commission, draft: Draft, screen: Screen) -> Draft:
    """A plan goes out into the world: nothing that looks like a secret goes with it."""
    found = screen.found(json.dumps(plan.as_data(), ensure_ascii=False).encode("utf-8", "replace"))
    if found:
        kinds = ", ".join(sorted(set(found)))
        return replace(draft, raw="", refusal=Refusal(Reason.SECRET_FOUND, f"There is a secret in the plan ({kinds})."))
    return replace(draft, plan=plan.named(commission.project or plan.project or "Project"))


def _unusable(found: Flawed) -> Refusal:
    if found.problem:
        return Refusal(Reason.NEEDS_INPUT, "The agent says that there is nothing to plan in this.", found.problem)
    text = "The agent's answer is no plan that can be used, not even when asked again."
    return Refusal(Reason.AGENT_ERROR, text, "\n".join(found.flaws))
