"""Pages of the reference that come from definitions, commands and workflow classes. Each answers Markdown."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import typer
import yaml
from temporalio import workflow

from airunway.api import names
from airunway.cli.app import app
from airunway.workflows.model_deployment.workflow import ModelDeploymentWorkflow
from airunway.workflows.model_image.build import ModelImageBuildWorkflow
from airunway.workflows.model_image.workflow import ModelImageWorkflow
from airunway.workflows.provider_installation.workflow import ProviderInstallationWorkflow
from airunway.workflows.provider_plan.workflow import ProviderPlanWorkflow

CRDS = Path(__file__).resolve().parent.parent.parent / "deploy" / "crds"
_IMAGE = names.model_image_workflow_id("<cluster>", "<model>", "<digest of what is built>")
WORKFLOWS: dict[type, str] = {
    ModelDeploymentWorkflow: names.deployment_workflow_id("<cluster>", "<namespace>", "<name>"),
    ModelImageWorkflow: _IMAGE,
    ModelImageBuildWorkflow: names.model_image_build_workflow_id(_IMAGE),
    ProviderInstallationWorkflow: names.installation_workflow_id("<cluster>", "<provider>"),
    ProviderPlanWorkflow: "",
}
"""Class to the form of its workflow id; none: one for each question."""


def cell(text: str) -> str:
    """A text as one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


# -- resources ------------------------------------------------------------------------------------------


def resources_page() -> str:
    """Every field of both definitions."""
    lines = ["# Fields of the resources"]
    for file in sorted(CRDS.glob("*.yaml")):
        definition = yaml.safe_load(file.read_text(encoding="utf-8"))
        if definition.get("kind") != "CustomResourceDefinition":
            continue
        spec = definition["spec"]
        for version in spec["versions"]:
            schema = version["schema"]["openAPIV3Schema"]
            lines += [
                "",
                f"## {spec['names']['kind']}",
                "",
                f"`{spec['group']}/{version['name']}`. {schema.get('description', '')}",
            ]
            for part in ("spec", "status"):
                fields = schema["properties"].get(part, {})
                lines += ["", f"### {part}", "", "| Field | Type | Meaning |", "|---|---|---|"]
                lines += [
                    f"| `{path}` | {kind} | {cell(meaning)} |"
                    for path, kind, meaning in _fields(fields, part)
                ]
    return "\n".join(lines)


def _fields(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, str, str]]:
    required = set(schema.get("required", []))
    for name, field in schema.get("properties", {}).items():
        here = f"{path}.{name}"
        yield here, _type(field), _meaning(field, is_required=name in required)
        yield from _fields(field, here)
        if isinstance(field.get("items"), dict):
            yield from _fields(field["items"], f"{here}[]")
        if isinstance(field.get("additionalProperties"), dict):
            yield from _fields(field["additionalProperties"], f"{here}.*")


def _type(field: Mapping[str, Any]) -> str:
    if field.get("x-kubernetes-int-or-string"):
        return "integer or string"
    if field.get("type") == "array":
        return f"list of {field['items'].get('type', 'any')}"
    return str(field.get("type", "any"))


def _meaning(field: Mapping[str, Any], *, is_required: bool) -> str:
    parts = [field.get("description", "")]
    if is_required:
        parts.append("Required.")
    if "default" in field:
        parts.append(f"Default: `{field['default']}`.")
    if "enum" in field:
        parts.append(
            "One of " + ", ".join(f"`{value}`" if value else '`""`' for value in field["enum"]) + "."
        )
    return " ".join(part for part in parts if part)


# -- command line ---------------------------------------------------------------------------------------


def commands_page() -> str:
    """Every command with its arguments and options."""
    return "\n".join(["# Command line", *_commands(typer.main.get_command(app), ("airunway",))])


def _commands(command: click.Command, path: tuple[str, ...]) -> Iterator[str]:
    for name, child in sorted(getattr(command, "commands", {}).items()):
        here = (*path, name)
        if child.hidden:
            continue
        yield from ("", f"## {' '.join(here)}", "", _plain(child.help or ""))
        rows = [row for parameter in child.params if (row := _option(parameter))]
        if rows:
            yield from ("", "| Option | Meaning |", "|---|---|", *rows)
        yield from _commands(child, here)


def _plain(text: str) -> str:
    return "\n".join(line.strip() for line in text.replace("\b", "").replace("<", "&lt;").splitlines())


def _option(parameter: click.Parameter) -> str | None:
    if getattr(parameter, "hidden", False) or parameter.name == "help":
        return None
    is_argument = parameter.param_type_name == "argument"
    names_of = (
        [(parameter.name or "").upper()] if is_argument else [*parameter.opts, *parameter.secondary_opts]
    )
    return f"| {', '.join(f'`{name}`' for name in names_of)} | {cell(getattr(parameter, 'help', '') or '')} |"


# -- workflows ------------------------------------------------------------------------------------------


def workflows_page() -> str:
    """Ids, signals, updates and queries of every workflow."""
    lines = [
        "# Workflows",
        "",
        "What may be sent to a workflow and asked of it, e.g. by `temporal workflow update`; names",
        "that begin with `internal_` are between workflows, and what they say is checked.",
    ]
    for cls, workflow_id in WORKFLOWS.items():
        definition = workflow._Definition.must_from_class(cls)
        lines += ["", f"## {definition.name}"]
        lines += ["", f"Id: `{workflow_id}`." if workflow_id else "Id: a new one for each question."]
        handlers = {
            "signal": definition.signals,
            "update": definition.updates,
            "query": definition.queries,
        }
        rows = [
            f"| {kind} | `{name}` | {cell(_first(handler.fn))} |"
            for kind, found in handlers.items()
            for name, handler in sorted((name, handler) for name, handler in found.items() if name)
        ]
        if rows:
            lines += ["", "| Kind | Name | Meaning |", "|---|---|---|", *rows]
    return "\n".join(lines)


def _first(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").partition("\n\n")[0]
