# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that READMEs, guides and example inventories name exists: commands, playbooks, modules and their options, tests,
files, variables.
"""

from __future__ import annotations

import json
import re
import subprocess
import typing as t

import pytest
import yaml

from ansible_collections.noncustodial.lightning.plugins.module_utils._keys.grant import HUB_PERMISSIONS, PERMISSIONS
from ansible_collections.noncustodial.lightning.tests.support.doc_commands import PAGES, calls, commands, words
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION, ROOT

NAME = "noncustodial.lightning"
INVENTORIES = ["example", "node", "signer", "signer_aws"]


def found(pattern: str) -> list[tuple[str, str]]:
    """Return every page with every different match of the pattern's first group, lines that end with a backslash
    joined.
    """
    texts = {page: page.read_text().replace("\\\n", " ") for page in PAGES}
    return sorted(
        {(str(page.relative_to(ROOT)), match) for page, text in texts.items() for match in re.findall(pattern, text)}
    )


def names(folder: str, suffix: str) -> set[str]:
    return {path.stem for path in (COLLECTION / folder).glob(f"*{suffix}")}


def documentation(module: str) -> dict[str, t.Any]:
    """Return the options of a module, with those of its fragments."""
    text = (COLLECTION / f"plugins/modules/{module}.py").read_text()
    own = yaml.safe_load(re.findall(r'DOCUMENTATION = r"""\n(.*?)"""', text, re.DOTALL)[0])
    options = dict(own.get("options", {}))
    for fragment in own.get("extends_documentation_fragment", []):
        source = COLLECTION / f"plugins/doc_fragments/{fragment.removeprefix(NAME + '.').partition('.')[0]}.py"
        text = re.findall(r'DOCUMENTATION = r"""\n(.*?)"""', source.read_text(), re.DOTALL)[0]
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
    there = (
        names("plugins/modules", ".py")
        | names("plugins/lookup", ".py")
        | names("plugins/filter", ".py")
        | names("playbooks", ".yml")
    )
    there |= {path.name for path in (COLLECTION / "roles").iterdir()} | {"lnd"}
    references = {f"{name}_{kind}" for name in there for kind in ("module", "role", "filter", "lookup")}
    wrong = [hit for hit in found(rf"(?<!@){re.escape(NAME)}\.(\w+)") if hit[1] not in there | references]
    assert not wrong


def test_options_of_modules() -> None:
    """The options are those in commands such as: ansible HOST -m noncustodial.lightning.MODULE -a "option=value …"."""
    commands = found(rf"-m {re.escape(NAME)}\.(\w+ +-a +(?:\"[^\"]*\"|'[^']*'))")
    assert commands
    wrong = []
    for page, command in commands:
        module, _rest, arguments = command.partition(" ")
        given = (
            re.findall(r"\b(\w+)=", arguments)
            if "=" in arguments
            else yaml.safe_load(arguments[arguments.index("{") : -1])
        )
        wrong += [(page, module, option) for option in given if option not in documentation(module)]
    assert not wrong


def test_extra_variables() -> None:
    """A role's, or one that a playbook asks for by its name."""
    known = "".join(
        path.read_text()
        for path in [*(COLLECTION / "playbooks").glob("*.yml"), *COLLECTION.glob("roles/*/defaults/main.yml")]
    )
    wrong = [
        hit for hit in found(r" -e (\w+)=") if not re.search(rf"^ *{hit[1]}:|\bthat: {hit[1]} ", known, re.MULTILINE)
    ]
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
    row = next(line for line in (ROOT / "docs/promises.md").read_text().splitlines() if line.startswith(f"| {promise}"))
    assert set(re.findall(r"(test_\w+\.py)`", row)) == shown


def test_links() -> None:
    """Links to files exist; sphinx checks those within the site, too."""
    wrong = [(page, link) for page, link in found(r"\]\(([^)#:]+)(?:#[^)]*)?\)") if not there(page, link)]
    assert not wrong


def there(page: str, link: str) -> bool:
    """Return whether a link leads to a file, to a page of the reference that will be generated, or to a label of
    one."""
    return (ROOT / page).parent.joinpath(link).exists() or link.startswith(("collections/", "ansible_collections."))


def test_paths() -> None:
    wrong = [
        hit
        for hit in found(r"`((?:tools|inventories|protos|bench|molecule|docs|tests/(?:unit|real|support))/[\w./]*)`")
        if not path_there(hit[1])
    ]
    assert not wrong


def path_there(path: str) -> bool:
    return path.startswith("docs/_build") or (ROOT / path).exists() or (COLLECTION / path).exists()


def test_tables_of_the_ledger() -> None:
    """The docs draw all tables, and describe the rules of each."""
    versions = (COLLECTION / "roles/lndhub/files/lndhub/migrations/versions").glob("*.sql")
    made = set(re.findall(r"CREATE TABLE (\w+)", "".join(path.read_text() for path in versions)))
    page = (ROOT / "docs/hub.md").read_text().partition("## The tables")[2].partition("## The postings")[0]
    drawing, table = page.split("```")[1:]
    assert made == {
        name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert made <= set(re.findall(r"\w+", drawing))


def test_figures() -> None:
    """Numbers that are written as words."""
    assert len(PERMISSIONS) == 4
    assert len(HUB_PERMISSIONS) == 14
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
    texts = [
        entry for one in shown.values() for entry in (one["entry_points"].values() if kind == "role" else [one["doc"]])
    ]
    assert all(text["short_description"] for text in texts)


COMMANDS = [*commands()]


def test_a_shell_takes_every_command() -> None:
    """All of a page are read in one go."""
    assert len(COMMANDS) > 80
    for page in PAGES:
        its = "".join(f"{command}\n" for where, command in COMMANDS if where == page)
        done = subprocess.run(["bash", "-n"], input=its, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), page


def test_no_line_ends_within_an_argument() -> None:
    """A shell that Ansible starts would take its rest for a command of its own."""
    assert [command for _page, command in COMMANDS if any("\n" in word for word in words(command) or ())] == []


@pytest.mark.parametrize("program", ["ansible", "ansible-playbook"])
def test_options_of_ansible(program: str) -> None:
    """As the program lists them itself."""
    shown = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    listed = set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", shown))
    its = [
        (page.name, arguments)
        for page, command in COMMANDS
        for name, *arguments in [words(command) or [""]]
        if name == program
    ]
    assert len(its) > 5
    wrong = [
        (page, word)
        for page, arguments in its
        for word in arguments
        if re.match("--?[a-zA-Z]", word) and word.partition("=")[0] not in listed
    ]
    assert wrong == []


# What the guides use of programs that are on other machines than the reader's: verbs and options, as their manuals have
# them (systemd 250, Bitcoin Core 29, age 1.1). lncli is asked itself, in tests/real/test_doc_commands.py.
USED: dict[str, tuple[set[str], set[str]]] = {
    "systemctl": (
        {
            "daemon-reload",
            "disable",
            "enable",
            "list-timers",
            "mask",
            "reload",
            "restart",
            "show",
            "start",
            "status",
            "stop",
        },
        {"--now", "-p", "--property", "--value"},
    ),
    "systemd-creds": ({"decrypt", "encrypt", "has-tpm2", "list", "setup"}, {"--name", "--with-key", "--tpm2-pcrs"}),
    "bitcoin-cli": (
        {"getblockchaininfo", "getblockhash", "getchaintips", "getpeerinfo", "reconsiderblock"},
        {"-datadir", "-chain", "-regtest", "-testnet", "-signet"},
    ),
    "age": (set(), {"-d", "-i", "-r", "-R", "-o", "-e", "--decrypt", "--identity", "--recipient", "--output"}),
    "age-keygen": (set(), {"-o", "-y"}),
    "journalctl": (set(), {"-u", "--unit", "-t", "-f", "-e", "-n", "-b", "--since", "--grep", "-g", "-o", "--output"}),
    "psql": (set(), {"-c", "-d", "-h", "-U", "--command", "--dbname", "--host", "--username"}),
}


@pytest.mark.parametrize("program", USED)
def test_verbs_and_options_of_other_programs(program: str) -> None:
    verbs, options = USED[program]
    wrong = []
    for call in calls([program]):
        given = [word for word in call.arguments if not word.startswith("-")]
        wrong += [
            (call, word)
            for word in call.arguments
            if re.match("--?[a-zA-Z]", word) and word.partition("=")[0] not in options
        ]
        if verbs and (not given or given[0] not in verbs):
            wrong.append((call, given[0] if given else ""))
    assert wrong == []


def test_calls_within_commands_are_found() -> None:
    """Behind a pipe, on another machine, and in the argument of another program."""
    found = {(call.program, call.arguments[:1]) for call in calls([*USED, "lncli"])}
    assert ("age", ("-d",)) in found
    assert ("systemd-creds", ("decrypt",)) in found
    assert ("systemctl", ("stop",)) in found
    assert len([call for call in calls(["lncli"]) if call.page == "tenant.md"]) > 1


def test_every_row_of_a_table_is_one_line() -> None:
    cut = [
        f"{page.relative_to(ROOT)}:{number}"
        for page in PAGES
        for number, line in enumerate(page.read_text().splitlines(), 1)
        if line.startswith("|") and not line.endswith("|")
    ]
    assert cut == []
