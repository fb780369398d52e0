"""Reads a workflow file (and those it calls) into jobs, with the refusals GitHub makes before anything runs.

Pure: a document in, frozen data out. What GitHub would refuse raises `StartupFailure`; what GitHub knows and this
sandbox doesn't raises `Unsupported`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.sandbox.actions.expressions import Contexts, fill_in
from bot.sandbox.actions.problems import StartupFailure, Unsupported

Document = Mapping[str, Any]
Permissions = Mapping[str, str]

DEFAULT_PERMISSIONS: Permissions = {"contents": "read", "packages": "read"}
"""Of a repository with restricted defaults, GitHub's own default for new ones."""

_LEVELS = ("none", "read", "write")
_AREAS = frozenset(
    (
        "actions",
        "artifact-metadata",
        "attestations",
        "checks",
        "contents",
        "deployments",
        "discussions",
        "id-token",
        "issues",
        "models",
        "packages",
        "pages",
        "pull-requests",
        "security-events",
        "statuses",
    )
)
_JOB_KEYS = frozenset(
    (
        "name",
        "needs",
        "if",
        "permissions",
        "concurrency",
        "outputs",
        "runs-on",
        "timeout-minutes",
        "env",
        "defaults",
        "steps",
        "uses",
        "with",
        "secrets",
    )
)
_OURS_ALONE = frozenset({"needs", "if", "permissions", "concurrency", "outputs", "timeout-minutes"})
"""Keys that the driver acts on; act never sees them."""


@dataclass(frozen=True, slots=True)
class Source:
    """A workflow file and where it came from (what the `job` context says of it)."""

    document: Document
    path: str
    repository: str
    sha: str
    ours: bool = False
    """It is this checkout's, whatever `repository` and `sha` its caller named."""


@dataclass(frozen=True, slots=True)
class Job:
    """One job; `called` is set where it calls another workflow."""

    id: str
    raw: Mapping[str, Any]
    needs: tuple[str, ...]
    permissions: Permissions
    source: Source
    called: "Called | None" = None


@dataclass(frozen=True, slots=True)
class Called:
    """A reusable workflow as one job calls it."""

    jobs: tuple[Job, ...]
    inputs: Mapping[str, Mapping[str, Any]]
    secrets: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, Mapping[str, Any]]


Load = Callable[[Source, str], Source]
"""What a job of a file names with `uses:`. Raises `StartupFailure` when there is none."""


def read_jobs(source: Source, load: Load, *, ceiling: Permissions | None = None) -> tuple[Job, ...]:
    """The jobs of a file in the order in which they can run. `ceiling`: what a calling job's token may do."""
    raw_jobs = source.document.get("jobs")
    if not isinstance(raw_jobs, Mapping) or not raw_jobs:
        raise StartupFailure(f"{source.path}: No jobs defined")
    inherited = source.document.get("permissions")
    default = permissions(inherited, source.path) if inherited is not None else ceiling or DEFAULT_PERMISSIONS
    return tuple(_job(source, name, raw_jobs[name], default, load, ceiling) for name in _in_order(raw_jobs, source))


def _job(source: Source, name: str, raw: Any, default: Permissions, load: Load, ceiling: Permissions | None) -> Job:
    if not isinstance(raw, Mapping):
        raise StartupFailure(f"{source.path}: the job {name} is not a mapping")
    unknown = sorted(set(raw) - _JOB_KEYS)
    if unknown:
        raise Unsupported(f"{source.path}: job {name}: {', '.join(unknown)}")
    granted = permissions(raw["permissions"], source.path) if "permissions" in raw else default
    _check_ceiling(source, name, granted, ceiling)
    called = None
    if "uses" in raw:
        target = load(source, str(raw["uses"]))
        called = _called(target, load, granted)
        _check_call(source, name, raw, called)
    elif "runs-on" not in raw or not raw.get("steps"):
        raise StartupFailure(f"{source.path}: the job {name} needs `runs-on` and `steps`, or `uses`")
    return Job(name, raw, _needs(raw), granted, source, called)


def _called(target: Source, load: Load, granted: Permissions) -> Called:
    trigger = (target.document.get("on") or {}).get("workflow_call", False)
    if trigger is False:
        raise StartupFailure(
            f"{target.path}: the workflow is not reusable as it is missing a `on.workflow_call` trigger"
        )
    about = trigger or {}
    declared = (about.get("inputs") or {}, about.get("secrets") or {}, about.get("outputs") or {})
    return Called(read_jobs(target, load, ceiling=granted), *declared)


def _check_ceiling(source: Source, name: str, granted: Permissions, ceiling: Permissions | None) -> None:
    """A called job may not ask for more than the calling job has, whether or not it would run."""
    for area, level in granted.items() if ceiling is not None else ():
        allowed = (ceiling or {}).get(area, "none")
        if _LEVELS.index(level) > _LEVELS.index(allowed):
            raise StartupFailure(
                f"{source.path}: The nested job '{name}' is requesting '{area}: {level}', "
                f"but is only allowed '{area}: {allowed}'."
            )


def _check_call(source: Source, name: str, raw: Mapping[str, Any], called: Called) -> None:
    given = raw.get("with") or {}
    secrets = raw.get("secrets") or {}
    for word, offered, declared in (("input", given, called.inputs), ("secret", secrets, called.secrets)):
        if offered == "inherit":
            continue
        extra = sorted(set(offered) - set(declared))
        if extra:
            raise StartupFailure(f"{source.path}: job {name}: Invalid {word}, {extra[0]} is not defined")
        for key, about in declared.items():
            if (about or {}).get("required") and key not in offered:
                raise StartupFailure(f"{source.path}: job {name}: {word.title()} {key} is required, but not provided")


def permissions(value: Any, path: str) -> Permissions:
    """What a `permissions:` key grants."""
    if value in ("read-all", "write-all"):
        return {area: value.removesuffix("-all") for area in _AREAS}
    if not isinstance(value, Mapping):
        raise StartupFailure(f"{path}: permissions must be a mapping, read-all or write-all")
    for area, level in value.items():
        if area not in _AREAS or level not in _LEVELS:
            raise StartupFailure(f"{path}: Unexpected value '{area}: {level}' in permissions")
    return {str(area): str(level) for area, level in value.items() if level != "none"}


def _needs(raw: Mapping[str, Any]) -> tuple[str, ...]:
    needs = raw.get("needs") or ()
    return (needs,) if isinstance(needs, str) else tuple(needs)


def _in_order(raw_jobs: Mapping[str, Any], source: Source) -> list[str]:
    """Job ids so that each comes after those it needs; else as written."""
    left = {name: set(_needs(raw or {})) for name, raw in raw_jobs.items()}
    done: list[str] = []
    while left:
        ready = next((name for name, needs in left.items() if needs <= set(done)), None)
        if ready is None:
            raise StartupFailure(
                f"{source.path}: the jobs {', '.join(left)} need each other, or jobs that do not exist"
            )
        done.append(ready)
        del left[ready]
    return done


# ------------------------------------------------------------------------------------------- inputs


def typed_inputs(declared: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The `inputs` context: each declared input by its type, defaults filled in. Raises `StartupFailure` on a misfit."""
    return {name: _typed(name, about or {}, given.get(name)) for name, about in declared.items()}


def _typed(name: str, about: Mapping[str, Any], value: Any) -> Any:
    kind = about.get("type", "string")
    if value is None:
        value = about.get("default", {"boolean": False, "number": 0}.get(kind, ""))
    if kind == "boolean":
        if str(value).lower() not in ("true", "false"):
            raise StartupFailure(f"Input {name}: {value!r} is not a boolean")
        return str(value).lower() == "true"
    if kind == "number":
        if isinstance(value, bool) or not re.fullmatch(r"-?\d+(\.\d+)?", str(value)):
            raise StartupFailure(f"Input {name}: {value!r} is not a number")
        number = float(value)
        return int(number) if number.is_integer() else number
    if kind in ("string", "choice", "environment"):
        return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    raise Unsupported(f"input {name}: type {kind}")


# ------------------------------------------------------------------------------------ one job for act


def one_job(job: Job, event: str, contexts: Contexts) -> dict[str, Any]:
    """The file that act gets: this job alone, with `contexts` (what act can't know) written in as literals."""
    raw = {key: value for key, value in job.raw.items() if key not in _OURS_ALONE}
    document = {key: job.source.document[key] for key in ("env", "defaults") if key in job.source.document}
    filled: dict[str, Any] = _filled(document, contexts)
    name = job.source.document.get("name", job.source.path)
    filters = [{"cron": "0 * * * *"}] if event == "schedule" else None
    return {"name": name, "on": {event: filters}, **filled, "jobs": {job.id: _filled(raw, contexts)}}


def _filled(value: Any, contexts: Contexts, key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {name: _filled(inner, contexts, str(name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, contexts) for inner in value]
    return fill_in(value, contexts, bare=key == "if") if isinstance(value, str) else value
