# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What READMEs, guides and example inventories name exists: commands, playbooks, modules and their options, tests, files, variables."""

from __future__ import annotations

import json
import re
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.grant import HUB_PERMISSIONS, PERMISSIONS

COLLECTION = Path(__file__).parents[2]
ROOT = COLLECTION.parents[2]
NAME = "noncustodial.lightning"
PAGES = [ROOT / "README.md", COLLECTION / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
INVENTORIES = ["example", "node", "signer", "signer_aws"]


def found(pattern: str) -> list[tuple[str, str]]:
    """Every page with every different match of the pattern's first group, lines that go on with a backslash joined."""
    texts = {page: page.read_text().replace("\\\n", " ") for page in PAGES}
    return sorted({(str(page.relative_to(ROOT)), match) for page, text in texts.items() for match in re.findall(pattern, text)})


def names(folder: str, suffix: str) -> set[str]:
    return {path.stem for path in (COLLECTION / folder).glob(f"*{suffix}")}


def documentation(module: str) -> dict[str, t.Any]:
    """The options of a module, its fragments' included."""
    text = (COLLECTION / f"plugins/modules/{module}.py").read_text()
    own = yaml.safe_load(re.search(r'DOCUMENTATION = r"""\n(.*?)"""', text, re.DOTALL)[1])
    options = dict(own.get("options", {}))
    for fragment in own.get("extends_documentation_fragment", []):
        source = COLLECTION / f"plugins/doc_fragments/{fragment.removeprefix(NAME + '.').partition('.')[0]}.py"
        text = re.search(r'DOCUMENTATION = r"""\n(.*?)"""', source.read_text(), re.DOTALL)[1]
        options |= yaml.safe_load(text).get("options", {})
    return options


def test_make_targets() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    wrong = [hit for hit in found(r"(?:`|# )make ([a-z-]+)") if hit[1] not in targets]
    assert not wrong


def test_playbooks() -> None:
    wrong = [hit for hit in found(r"\bplaybooks/(\w+)\.yml") if hit[1] not in names("playbooks", ".yml")]
    assert not wrong


def test_names_of_the_collection() -> None:
    there = names("plugins/modules", ".py") | names("plugins/lookup", ".py") | names("plugins/filter", ".py") | names("playbooks", ".yml")
    there |= {path.name for path in (COLLECTION / "roles").iterdir()} | {"lnd"}
    references = {f"{name}_{kind}" for name in there for kind in ("module", "role", "filter", "lookup")}
    wrong = [hit for hit in found(rf"(?<!@){re.escape(NAME)}\.(\w+)") if hit[1] not in there | references]
    assert not wrong


def test_options_of_modules() -> None:
    """In commands such as: ansible HOST -m noncustodial.lightning.MODULE -a "option=value …" """
    commands = found(rf"-m {re.escape(NAME)}\.(\w+ +-a +(?:\"[^\"]*\"|'[^']*'))")
    assert commands
    wrong = []
    for page, command in commands:
        module, _rest, arguments = command.partition(" ")
        given = re.findall(r"\b(\w+)=", arguments) if "=" in arguments else yaml.safe_load(arguments[arguments.index("{") : -1])
        wrong += [(page, module, option) for option in given if option not in documentation(module)]
    assert not wrong


def test_extra_variables() -> None:
    """A role's, or one that a playbook asks for by its name."""
    known = "".join(path.read_text() for path in [*(COLLECTION / "playbooks").glob("*.yml"), *COLLECTION.glob("roles/*/defaults/main.yml")])
    wrong = [hit for hit in found(r" -e (\w+)=") if not re.search(rf"^ *{hit[1]}:|\bthat: {hit[1]} ", known, re.MULTILINE)]
    assert not wrong


def test_tests() -> None:
    files = [path for folder in (COLLECTION / "tests", ROOT / "molecule") for path in folder.rglob("test_*.py")]
    there = set(re.findall(r"def (test_\w+)", "".join(path.read_text() for path in files)))
    wrong = [hit for hit in found(r"`(test_\w+)`") if hit[1] not in there]
    assert not wrong


@pytest.mark.parametrize(
    ("promise", "shown"),
    [("An invoice is paid once", {"test_money.py", "test_lnd_payment.py"}), ("The grant allows", {"test_grant.py"})],
)
def test_promises_name_all_that_shows_them(promise: str, shown: set[str]) -> None:
    row = next(line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith(f"| {promise}"))
    assert set(re.findall(r"\[(test_\w+\.py)\]", row)) == shown


def test_links() -> None:
    """To files; sphinx looks at those within the site, too."""
    wrong = [(page, link) for page, link in found(r"\]\(([^)#:]+)(?:#[^)]*)?\)") if not there(page, link)]
    assert not wrong


def there(page: str, link: str) -> bool:
    """Whether a link leads to a file, to a page of the reference that will be generated, or to a label of one."""
    return (ROOT / page).parent.joinpath(link).exists() or link.startswith(("collections/", "ansible_collections."))


def test_paths() -> None:
    wrong = [
        hit for hit in found(r"`((?:tools|inventories|protos|bench|molecule|docs|tests/(?:unit|real))/[\w./]*)`") if not path_there(hit[1])
    ]
    assert not wrong


def path_there(path: str) -> bool:
    return path.startswith("docs/_build") or (ROOT / path).exists() or (COLLECTION / path).exists()


def test_tables_of_the_ledger() -> None:
    """All are drawn, and the rules of each are told."""
    versions = (COLLECTION / "roles/lndhub/files/lndhub/migrations/versions").glob("*.sql")
    made = set(re.findall(r"CREATE TABLE (\w+)", "".join(path.read_text() for path in versions)))
    page = (ROOT / "docs/hub.md").read_text().partition("## The tables")[2].partition("## The postings")[0]
    drawing, table = page.split("```")[1:]
    assert made == {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert made <= set(re.findall(r"\w+", drawing))


def test_figures() -> None:
    """Numbers that are written as words."""
    assert len(PERMISSIONS) == 4
    assert len(HUB_PERMISSIONS) == 12
    assert len(yaml.safe_load((ROOT / "inventories/regtest/machines.yml").read_text())["machines"]) == 7


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_variables_of_the_examples(inventory: str) -> None:
    roles = [path.name for path in (COLLECTION / "roles").iterdir()]
    declared: set[str] = set()
    for specification in COLLECTION.glob("roles/*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(specification.read_text())["argument_specs"].values():
            declared |= set(entry.get("options", {}))
    wrong = [
        (path.name, name)
        for path in (ROOT / "inventories" / inventory).glob("*_vars/*.yml")
        for name in yaml.safe_load(path.read_text())
        if name.startswith(tuple(f"{role}_" for role in roles)) and name not in declared
    ]
    assert not wrong


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_preflight_of_the_examples(inventory: str) -> None:
    command = ["ansible-playbook", "-i", f"inventories/{inventory}", "playbooks/_preflight.yml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("kind", "there"),
    [
        ("module", names("plugins/modules", ".py")),
        ("filter", names("plugins/filter", ".py")),
        ("lookup", names("plugins/lookup", ".py")),
        ("role", {path.parent.name for path in COLLECTION.glob("roles/*/tasks")}),
    ],
)
def test_ansible_doc(kind: str, there: set[str]) -> None:
    """It shows everything, each with a summary, and warns of nothing."""
    command = ["ansible-doc", "--json", "--type", kind, *sorted(f"{NAME}.{name}" for name in there)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    shown = json.loads(done.stdout)
    assert set(shown) == {f"{NAME}.{name}" for name in there}
    texts = [entry for one in shown.values() for entry in (one["entry_points"].values() if kind == "role" else [one["doc"]])]
    assert all(text["short_description"] for text in texts)
