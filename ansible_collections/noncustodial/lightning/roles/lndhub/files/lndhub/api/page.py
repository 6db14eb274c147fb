# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API's description as one page of HTML, made from the OpenAPI document. The page loads only its style, and runs no
script.
"""

from __future__ import annotations

import json
import typing as t
from html import escape

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
body { color: #1a1a1a; background: #fff; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #bbb; }
h3 code { background: #eef; padding: .1rem .3rem; border-radius: .2rem; overflow-wrap: anywhere; }
pre { background: #f5f5f5; padding: .7rem; overflow: auto; }
summary { cursor: pointer; }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #16181c; } h3 code, pre { background: #24272d; } }
"""


def render(document: t.Mapping[str, t.Any]) -> str:
    """Return the page."""
    tags: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tags.setdefault((operation.get("tags") or ["Service"])[0], []).append(_operation(path, method, operation))
    parts = [f"<section><h2>{escape(tag)}</h2>{''.join(operations)}</section>" for tag, operations in tags.items()]
    schemas = document.get("components", {}).get("schemas", {})
    parts.append(
        "<section><h2>Types</h2>"
        + "".join(f'<h3 id="{escape(name)}">{escape(name)}</h3>{_json(schema)}' for name, schema in schemas.items())
    )
    info = document["info"]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,'
        ' initial-scale=1">'
        f'<title>{escape(info["title"])}</title><link rel="stylesheet" href="docs.css"></head><body><main>'
        f"<h1>{escape(info['title'])}</h1><p>{escape(info.get('description', ''))}</p>"
        '<p>The same for programs: <a href="openapi.json">openapi.json</a>.</p>'
        f"{''.join(parts)}</section></main></body></html>"
    )


def _operation(path: str, method: str, operation: t.Mapping[str, t.Any]) -> str:
    known = ("parameters", "requestBody", "responses", "security")
    details = {name: operation[name] for name in known if name in operation}
    return (
        f"<h3><code>{escape(method.upper())}"
        f" {escape(path)}</code></h3><p>{escape(operation.get('description', ''))}</p><details><summary>Parameters and"
        f" answers</summary>{_json(details)}</details>"
    )


def _json(value: object) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"
