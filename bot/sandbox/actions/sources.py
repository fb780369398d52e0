"""Where workflow files and actions come from: the hub's repositories, this checkout for ai-ready, stand-ins for actions/*."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from bot.sandbox.actions.problems import StartupFailure, Unsupported
from bot.sandbox.actions.workflow import Job, Source
from bot.sandbox.errors import Refused
from bot.sandbox.runs import WorkflowRun

if TYPE_CHECKING:
    from bot.sandbox.state import Hub

CHECKOUT = Path(__file__).parents[3]
"""The checkout of ai-ready that this sandbox is part of."""
STAND_INS = Path(__file__).parents[1] / "stand_ins"

_REUSABLE = re.compile(r"([^/@]+/([^/@]+))/(\.github/workflows/[^/@]+)@(.+)")
_ACTION = re.compile(r"([^/@]+/([^/@]+))@(.+)")


class Sources:
    """Finds what `uses:` names. `staging` is filled with what a checkout of ai-ready would hold for its action."""

    def __init__(self, hub: "Hub", staging: Path) -> None:
        self._hub = hub
        self.staging = staging
        staging.mkdir(parents=True)
        for name in ("action.yml", "pyproject.toml", "uv.lock"):
            shutil.copy(CHECKOUT / name, staging / name)
        shutil.copytree(CHECKOUT / ".github" / "action", staging / ".github" / "action")
        shutil.copytree(CHECKOUT / "bot", staging / "bot", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))

    def of_run(self, run: WorkflowRun) -> Source:
        """The file that a run is of, at the run's commit."""
        return self._in_hub(run.repo.full_name, run.workflow.path, run.head_oid)

    def called(self, caller: Source, uses: str) -> Source:
        """The workflow that a job of `caller` calls. Raises `StartupFailure` when there is none."""
        if uses.startswith(("./", "$/")):
            return self._in_hub(caller.repository, uses[2:], caller.sha)
        match = _REUSABLE.fullmatch(uses)
        if match is None:
            raise StartupFailure(f"{caller.path}: invalid value workflow reference: {uses}")
        repository, name, path, ref = match.groups()
        if name != "ai-ready":
            return self._in_hub(repository, path, ref)
        if not (CHECKOUT / path).is_file():
            raise StartupFailure(f"{caller.path}: workflow was not found: {uses}")
        return Source(_document((CHECKOUT / path).read_text()), path, repository, ref, ours=True)

    def actions(self, job: Job) -> dict[str, Path]:
        """Folder by `uses:` of a job's steps, for act. Raises `Unsupported` for an action that is not here."""
        found = {}
        for step in job.raw.get("steps", ()):
            if step.get("shell", "bash") != "bash":
                raise Unsupported(f"shell: {step['shell']}")
            uses = str(step.get("uses", "./"))
            if uses.startswith("./"):
                continue
            found[uses] = self._action(uses)
        return found

    def _action(self, uses: str) -> Path:
        match = _ACTION.fullmatch(uses)
        if match is not None and match[2] == "ai-ready":
            return self.staging
        folder = STAND_INS / match[2] if match is not None and match[1].startswith("actions/") else None
        if folder is None or not folder.is_dir():
            raise Unsupported(f"uses: {uses} (there is no stand-in for it)")
        return folder

    def _in_hub(self, repository: str, path: str, revision: str) -> Source:
        try:
            repo = self._hub.repo(repository)
        except Refused:
            raise StartupFailure(f"workflow was not found: {repository}/{path}") from None
        text = self._hub.repos.read(repo, revision, path)
        if text is None:
            raise StartupFailure(f"workflow was not found: {repository}/{path}@{revision}")
        return Source(_document(text), path, repo.full_name, self._hub.repos.resolve(repo, revision))


def _document(text: str) -> Mapping[str, Any]:
    try:
        parsed = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise StartupFailure(f"Invalid workflow file: {error}") from None
    if not isinstance(parsed, dict):
        raise StartupFailure("Invalid workflow file: not a mapping")
    # YAML 1.1 reads the key `on` as true.
    return {"on" if key is True else str(key): value for key, value in parsed.items()}
