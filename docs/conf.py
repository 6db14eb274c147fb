# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the site. tools/docs builds it, from a copy of this directory into which it has put the reference.

Tables of values in the code are written here from the code itself: a page includes them from generated/.
"""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import yaml
from docutils import nodes
from sphinx import addnodes

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
COLLECTION = ROOT / "ansible_collections/noncustodial/lightning"
sys.path.insert(0, str(ROOT))

from ansible_collections.noncustodial.lightning.plugins.module_utils._check import signer_report  # noqa: E402
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant  # noqa: E402

project = "noncustodial.lightning"
copyright = "2026, noncustodial.lightning contributors"
version = release = yaml.safe_load((COLLECTION / "galaxy.yml").read_text())["version"]

extensions = ["myst_parser", "sphinx_antsibull_ext"]
# Headings of guides can be linked to.
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "deflist"]
# What is only included, and indexes for sites with many collections.
exclude_patterns = ["generated", "collections/*.rst", "collections/noncustodial/*.rst"]

html_theme = "furo"
html_title = f"{project} {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
pygments_style = "ansible"
highlight_language = "console"

# Pages of Ansible's own documentation to which the reference points. The site is built without asking for anything from
# elsewhere.
ANSIBLE = "https://docs.ansible.com/ansible/latest/"
ANSIBLE_PAGES = {
    "common_return_values": "reference_appendices/common_return_values.html",
}


def ansible_page(app: t.Any, env: t.Any, node: t.Any, content: t.Any) -> nodes.reference | None:
    """The link for a label that is one of Ansible's."""
    page = ANSIBLE_PAGES.get(node.get("reftarget", ""))
    return nodes.reference("", "", content, internal=False, refuri=ANSIBLE + page) if page else None


def tidy_reference(app: t.Any, document: nodes.document) -> None:
    """Short titles for the generated pages, with what the thing does below; and no second table of contents, which the
    theme has beside the page.
    """
    if not app.env.docname.startswith("collections/"):
        return
    for found in list(document.findall(lambda node: "contents" in getattr(node, "attributes", {}).get("classes", ()))):
        found.parent.remove(found)
    if app.env.docname.endswith("/index"):
        # It points to an index of collections.
        for found in list(document.findall(addnodes.seealso)):
            found.parent.remove(found)
    title = next(iter(document.findall(nodes.title)))
    name, dash, what = title.astext().removeprefix(f"{project}.").partition(" \N{EN DASH} ")
    title.clear()
    title += nodes.Text("Modules, plugins and roles" if name.lower() == project else name)
    if dash:
        title.parent.insert(1, nodes.paragraph("", f"{what}."))


def setup(app: t.Any) -> None:
    """Called by sphinx."""
    app.connect("missing-reference", ansible_page)
    # Before sphinx itself collects the titles.
    app.connect("doctree-read", tidy_reference, priority=100)


def table(head: t.Sequence[str], rows: t.Iterable[t.Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |\n" for line in lines)


def write(name: str, text: str) -> None:
    (HERE / "generated").mkdir(exist_ok=True)
    (HERE / "generated" / name).write_text(text)


write(
    "reasons.md",
    table(
        ("reason", "means", "what to do"),
        ((f"`{code}`", status, cure or "nothing") for code, (status, cure) in signer_report.REASONS.items()),
    ),
)
write("grant.md", "".join(f"- `{permission.removeprefix('uri:')}`\n" for permission in grant.PERMISSIONS))
