"""From an admission that was looked at again to an outcome: isolation, workspace, agent, in a row.

Imported when the second look is over: what it stands on takes a while to import, and most of that happens meanwhile.
"""

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import replace

from bot.agent.isolation import isolation_for
from bot.agent.places import run_root
from bot.agent.prompt import Said
from bot.config import ActionEnv
from bot.core.branches import choose_branch
from bot.core.inits.proposal import proposal_in
from bot.core.ledger import request_of
from bot.core.messages.plan import plan_in
from bot.core.messages.retold import retold
from bot.core.plans import approved_plan, earlier_guidance, last_words, plan_of_issues
from bot.core.run import Admission, Outcome
from bot.core.specs.planned import key_of
from bot.core.view import View
from bot.job.bench import Bench
from bot.job.brief import Task
from bot.job.git import remote_of
from bot.job.recheck import Recheck
from bot.job.redact import Redactor
from bot.job.round import screened
from bot.job.session import ModelAccess, agent_session
from bot.job.telling import telling_progress
from bot.job.work import work
from bot.job.workspace import Ground
from bot.progress.events import Isolated


def do_the_work(
    env: ActionEnv, admission: Admission, looked: Recheck, bench: Bench, hand: Callable[[Outcome], object]
) -> Outcome:
    """Do the run on this machine. `hand` hands an outcome over at once, where a cancel leaves no time to tidy up first.

    Raises:
        Blocked: this machine can't isolate the agent.
        ConfigError: there is no key for the model.
    """
    os.umask(0o022)  # some self-hosted runners have 0, and then the agent could write our git folder
    env.model_key()
    screen = Redactor(env.secrets)
    task = replace(_task(admission, looked), round=screened(looked.round, screen.text))
    access = ModelAccess.of(env, looked.config.agent, admission.model, admission.usd)
    journal = bench.journal
    root = run_root()
    with (
        telling_progress(env, admission, looked.config.notify, bench),
        isolation_for(looked.config.agent.isolation, root=root, log=journal.say) as isolation,
    ):
        try:
            ground = Ground(root, isolation, bench.cancel, screen, journal.say, journal.tell, env.others)
            journal.tell(Isolated(isolation.name))
            with agent_session(access, ground) as agent:
                remote = remote_of(env.server_url, admission.repo, env.token)
                outcome = work(task, remote, agent, ground, out=bench.out)
            if bench.cancel.is_set:  # tidying up may take longer than a cancel leaves us: 10 s and we are killed
                with contextlib.suppress(OSError):  # a full disk: tidying up makes room, then it is written again
                    hand(outcome)
            bench.conclude(outcome)
            return outcome
        finally:
            isolation.kill_all()
            isolation.discard(root)


def _task_of_issues(admission: Admission, looked: Recheck) -> Task:
    """The specification, what exists of its issues, and the plan that `/ai init what to change` changes."""
    snapshot = looked.snapshot
    issue = snapshot.issues[admission.issue]
    before = plan_of_issues(issue, snapshot.own_ids, request_of(admission.run_key)) if admission.guidance else None
    proposal = proposal_in(before.comment.body) if before is not None and not before.comment.edited else None
    earlier = json.dumps(proposal.plan.as_data(), ensure_ascii=False, indent=1) if proposal is not None else ""
    others = {**snapshot.closed, **snapshot.issues}.values()
    there = tuple(each.title for each in others if key_of(each.title) and each.number != admission.issue)
    return Task(admission, looked.config, issue.body, plan=earlier, there=there)


def _task(admission: Admission, looked: Recheck) -> Task:
    """What the run is about, from what was read just now."""
    snapshot, request_id = looked.snapshot, request_of(admission.run_key)
    if admission.kind == "init":
        return _task_of_issues(admission, looked)
    issue = snapshot.issues[admission.issue]
    mends = admission.kind == "fix"  # what the reviewers want, not a plan of before
    plan = None if mends else approved_plan(View(snapshot, looked.config), issue, request_id)
    goes_on = admission.head_oid != admission.base_oid
    pull = choose_branch(snapshot, admission.issue).pull
    return Task(
        admission,
        looked.config,
        issue.body,
        tuple(Said(author, text) for author, text in looked.comments),
        plan=plan_in(plan.comment.body) if plan is not None else "",
        earlier_guidance=earlier_guidance(issue, snapshot.own_ids, request_id),
        earlier=retold(last_words(issue, snapshot.own_ids, request_id, continued=goes_on)),
        elsewhere=pull.base if pull is not None and pull.base != admission.base else "",
    )
