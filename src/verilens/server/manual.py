"""The interface in words: a page made of the OpenAPI description, without any script."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

METHODS = ("get", "head", "post", "patch", "put", "delete")
STYLE_NOTE = (
    "Made from the description of the interface at <a href='openapi.json'>openapi.json</a>."
)


def render(description: Mapping[str, Any]) -> str:
    """Return the operations of an OpenAPI description as HTML."""
    info = description["info"]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width'>",
        f"<title>{escape(info['title'])} interface</title>",
        f"<h1>{escape(info['title'])} {escape(info['version'])}: the interface</h1>",
        f"<p>{escape(info['description'])} {STYLE_NOTE}</p>",
    ]
    for path, operations in description["paths"].items():
        for method in METHODS:
            if method in operations:
                parts += _operation(method, path, operations[method])
    return "\n".join(parts)


def _operation(method: str, path: str, found: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
    yield f"<p>{escape(found.get('description', found.get('summary', '')))}</p>"
    rows = [*_parameters(found), *_body(found)]
    if rows:
        yield "<table><thead><tr><th>name<th>where<th>what</thead><tbody>"
        yield from rows
        yield "</tbody></table>"
    answers = ", ".join(
        f"{escape(code)} {escape(answer.get('description', ''))}"
        for code, answer in found["responses"].items()
    )
    yield f"<p>Answers: {answers}</p>"


def _parameters(found: Mapping[str, Any]) -> Iterator[str]:
    for parameter in found.get("parameters", ()):
        yield _row(parameter["name"], parameter["in"], _kind(parameter.get("schema", {})))


def _body(found: Mapping[str, Any]) -> Iterator[str]:
    for kind, content in found.get("requestBody", {}).get("content", {}).items():
        schema = content.get("schema", {})
        if "$ref" in schema:
            yield _row(schema["$ref"].rpartition("/")[2], kind, "object")
        for name, field in schema.get("properties", {}).items():
            yield _row(name, kind, _kind(field))


def _row(name: str, where: str, what: str) -> str:
    return f"<tr><td><code>{escape(name)}</code><td>{escape(where)}<td>{escape(what)}"


def _kind(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(part) for part in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    said = str(schema.get("type", "")) + (f" ({schema['format']})" if "format" in schema else "")
    described = schema.get("description", "")
    return f"{said}: {described}" if described else said
