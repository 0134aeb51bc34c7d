"""Build kube_emulator/builtin_schemas.json from the Kubernetes source in the Go module cache.

The emulated cluster needs, for every built-in kind it serves, the field types, the merge keys of its lists,
and how Go writes a field that holds nothing (left out, `{}`, `null`). The first two are in Kubernetes'
published OpenAPI documents, the last only in the Go struct tags, so both are read and written down as one
small file.

Run `python tools/builtin_schemas.py MODULE_CACHE`, with the output of `go env GOMODCACHE`, after `go mod
download` of k8s.io/kubernetes and of the three modules in `GO_PACKAGES`, in the versions below. Kubernetes is
licensed under Apache 2.0.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

KUBERNETES = "v1.37.2"
STAGING = "v0.37.2"
TARGET = Path(__file__).parents[1] / "kube_emulator" / "builtin_schemas.json"

KINDS = {
    "api__v1": "Namespace Pod Service ConfigMap Secret Event ServiceAccount PersistentVolumeClaim Node "
    "Binding DeleteOptions TokenRequest",
    "apis__apps__v1": "Deployment StatefulSet ReplicaSet DaemonSet",
    "apis__batch__v1": "Job",
    "apis__coordination.k8s.io__v1": "Lease",
    "apis__networking.k8s.io__v1": "NetworkPolicy",
    "apis__rbac.authorization.k8s.io__v1": "Role RoleBinding ClusterRole ClusterRoleBinding",
    "apis__apiextensions.k8s.io__v1": "CustomResourceDefinition",
    "apis__authorization.k8s.io__v1": "SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview "
    "LocalSubjectAccessReview",
    "apis__authentication.k8s.io__v1": "SelfSubjectReview TokenReview",
    "apis__autoscaling__v1": "Scale",
}
GO_PACKAGES = {
    "io.k8s.api.": "k8s.io/api@{v}/",
    "io.k8s.apimachinery.": "k8s.io/apimachinery@{v}/",
    "io.k8s.apiextensions-apiserver.": "k8s.io/apiextensions-apiserver@{v}/",
}
KEEP = [
    "type",
    "format",
    "default",
    "enum",
    "required",
    "nullable",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
    "x-kubernetes-patch-strategy",
    "x-kubernetes-patch-merge-key",
    "x-kubernetes-group-version-kind",
    "x-kubernetes-int-or-string",
    "x-kubernetes-preserve-unknown-fields",
]
FIELD = re.compile(r'^\t(?:(\w+)\s+)?([\w.*\[\]]+)\s+`json:"([^"]*)"(?:.*protobuf:"\w+,(\d+),)?')


class Go:
    """The struct declarations of one Go package folder: how each field is written when it holds nothing."""

    def __init__(self, folder: Path) -> None:
        self.structs: dict[str, list[tuple[str, str, str]]] = {}
        self.aliases: dict[str, str] = {}
        for file in sorted(folder.glob("*.go")):
            if not file.name.endswith("_test.go"):
                self._read(file.read_text())

    def _read(self, text: str) -> None:
        current: list[tuple[str, str, str]] | None = None
        for line in text.splitlines():
            if found := re.match(r"^(?:type |\t)(\w+) struct \{", line):
                current = self.structs.setdefault(found[1], [])
            elif line.startswith("}"):
                current = None
            elif alias := re.match(r"^type (\w+) (?:= )?([\w.\[\]*]+)$", line):
                self.aliases[alias[1]] = alias[2]
            elif current is not None and (field := FIELD.match(line)):
                current.append((field[2], field[3], field[4] or ""))


class Reader:
    """Reads the OpenAPI documents and marks each property with Go's way of writing an empty value."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.packages: dict[Path, Go] = {}
        self.source: dict[str, Any] = {}
        self.out: dict[str, Any] = {}

    def package(self, name: str) -> tuple[Go, str]:
        """The Go package that declares an OpenAPI definition, and the type's name in it."""
        for prefix, place in GO_PACKAGES.items():
            if name.startswith(prefix):
                *folders, type_name = name.removeprefix(prefix).split(".")
                folder = self.cache / place.format(v=STAGING) / "/".join(folders)
                if folder not in self.packages:
                    self.packages[folder] = Go(folder)
                return self.packages[folder], type_name
        raise SystemExit(f"no Go package is known for {name}")

    def read(self, document: str, kinds: list[str]) -> None:
        """Take some kinds of one OpenAPI document."""
        root = self.cache / f"k8s.io/kubernetes@{KUBERNETES}/api/openapi-spec/v3"
        schemas = json.loads((root / f"{document}_openapi.json").read_text())["components"]["schemas"]
        self.source |= schemas
        for name, schema in schemas.items():
            for gvk in schema.get("x-kubernetes-group-version-kind", []):
                if gvk["kind"] in kinds and name.endswith(f".{gvk['kind']}"):
                    self.take(name)

    def take(self, name: str) -> None:
        """Take one definition and those it refers to."""
        if name in self.out:
            return
        self.out[name] = {}
        schema = self.convert(self.source[name])
        if len(schema.get("x-kubernetes-group-version-kind", [])) > 1:
            del schema["x-kubernetes-group-version-kind"]
        if "properties" in schema and "JSONSchema" not in name:
            marks = dict(self.marks(*self.package(name), schema["properties"]))
            schema["x-go"] = {mark: sorted(f for f, m in marks.items() if m == mark) for mark in "OZN"}
            schema["x-go"] = {mark: fields for mark, fields in schema["x-go"].items() if fields}
            schema["x-proto"] = dict(self.numbers(*self.package(name), schema["properties"]))
        self.out[name] = schema

    def convert(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The parts of a schema that are kept."""
        if "allOf" in schema:
            schema = {**schema, **schema["allOf"][0]}
        out = {key: schema[key] for key in KEEP if key in schema}
        if out.get("default") != "" and not out.get("default"):
            out.pop("default", None)  # "" stays: a merge key may rely on it
        if "$ref" in schema:
            target = schema["$ref"].split("/")[-1]
            self.take(target)
            out["$ref"] = target
        if isinstance(schema.get("items"), dict):
            out["items"] = self.convert(schema["items"])
        if isinstance(schema.get("additionalProperties"), dict):
            out["additionalProperties"] = self.convert(schema["additionalProperties"])
        if "properties" in schema:
            out["properties"] = {key: self.convert(value) for key, value in schema["properties"].items()}
        return out

    def marks(self, go: Go, type_name: str, properties: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Pairs of a JSON name and its mark: O left out when empty, Z written as a zero, N as null."""
        while type_name in go.aliases and type_name not in go.structs:
            type_name = go.aliases[type_name]
        for go_type, tag, _ in go.structs.get(type_name, []):
            name, *options = tag.split(",")
            if not name:
                yield from self.marks(go, go_type.split(".")[-1], properties)
            elif name in properties:
                yield name, self.mark(go_type, options, properties[name])

    def numbers(self, go: Go, type_name: str, properties: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Pairs of a protobuf field number and its JSON name; that of an embedded struct, with a `+`."""
        while type_name in go.aliases and type_name not in go.structs:
            type_name = go.aliases[type_name]
        for go_type, tag, number in go.structs.get(type_name, []):
            name = tag.split(",")[0]
            if not name:
                inner = dict(self.numbers(go, go_type.split(".")[-1], properties))
                if number and inner:  # in protobuf an embedded struct is a message of its own
                    yield f"{number}+", json.dumps(inner)
            elif name in properties and number:
                yield number, name

    def mark(self, go_type: str, options: list[str], schema: dict[str, Any]) -> str:
        """The mark of one field."""
        if "omitzero" in options:
            return "O"
        omitted = "omitempty" in options
        if go_type.startswith("*"):
            return "" if omitted else "N"
        if schema.get("type") == "array" or "additionalProperties" in schema:
            return "O" if omitted else "N"
        target = schema.get("$ref", "")
        if target.endswith((".Time", ".MicroTime")):
            return "N"
        if target and not target.endswith(".FieldsV1"):
            return "Z"  # a struct is never left out
        return "O" if omitted else "Z"


def main() -> None:
    """Write the file."""
    reader = Reader(Path(sys.argv[1]))
    for document, kinds in KINDS.items():
        reader.read(document, kinds.split())
    body = ",\n".join(
        f"{json.dumps(n)}: {json.dumps(s, sort_keys=True)}" for n, s in sorted(reader.out.items())
    )
    TARGET.write_text("{\n" + body + "\n}\n")


if __name__ == "__main__":
    main()
