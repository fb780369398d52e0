"""Workflow files as GitHub reads them: YAML 1.2, triggers, the inputs of a dispatch."""

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from bot.sandbox.errors import Refused


class _Loader(yaml.SafeLoader):
    """YAML 1.2 booleans, as GitHub reads workflows: `on` is a string."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false|True|False)$"), list("tTfF"))


def is_workflow(path: str) -> bool:
    """Whether GitHub takes the file at `path` for a workflow."""
    folder, _, name = path.rpartition("/")
    return folder == ".github/workflows" and name.endswith((".yml", ".yaml"))


def parse(text: str) -> dict[str, Any]:
    """The YAML of a workflow; empty where it is broken. `on` is a plain key."""
    try:
        parsed = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def triggers(document: Mapping[str, Any]) -> dict[str, Any]:
    """What starts a workflow: event name → its filters (None: none), whichever of the three spellings `on` has."""
    on = document.get("on")
    if isinstance(on, str):
        return {on: None}
    if isinstance(on, list):
        return dict.fromkeys(map(str, on))
    return dict(on) if isinstance(on, dict) else {}


def checked_inputs(declared: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, str]:
    """Inputs as the workflow will see them. https://docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event."""
    if len(given) > 25:
        raise Refused(422, "No more than 25 inputs are allowed")
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise Refused(422, f"Unexpected inputs provided: {json.dumps(unknown)}")
    checked: dict[str, str] = {}
    for name, described in declared.items():
        about = described or {}
        if name not in given and about.get("required") and about.get("default") is None:
            raise Refused(422, f"Required input '{name}' not provided")
        value = given.get(name, about.get("default", ""))
        checked[name] = str(value).lower() if isinstance(value, bool) else str("" if value is None else value)
    if sum(len(name) + len(value) for name, value in checked.items()) > 65535:
        raise Refused(422, "inputs are too large")
    return checked
