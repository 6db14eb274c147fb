# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module config_files as a whole."""

from __future__ import annotations

import os
import pwd
import typing as t
from pathlib import Path

import pytest

Succeeds = t.Callable[..., dict[str, t.Any]]
Fails = t.Callable[..., str]

ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def wish(tmp_path: Path) -> dict[str, t.Any]:
    return {
        "directories": [{"path": str(tmp_path / "etc" / "lnd"), "mode": "0750", "owner": ME}],
        "files": [
            {
                "path": str(tmp_path / "etc" / "lnd" / "lnd.conf"),
                "content": "alias=acme\n",
                "mode": "0640",
                "owner": ME,
            },
            {"path": str(tmp_path / "units" / "lnd.service.d" / "sandbox.conf"), "content": "[Service]\n"},
        ],
    }


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_written_once(wish: dict[str, t.Any], tmp_path: Path, succeeds: Succeeds) -> None:
    first = succeeds("config_files", **wish)
    assert first["changed"]
    assert first["paths"] == [one["path"] for one in (*wish["directories"], *wish["files"])]
    conf = tmp_path / "etc" / "lnd" / "lnd.conf"
    assert conf.read_text() == "alias=acme\n"
    assert (mode(conf), mode(conf.parent)) == (0o640, 0o750)
    assert mode(tmp_path / "units" / "lnd.service.d" / "sandbox.conf") == 0o644
    assert mode(tmp_path / "units" / "lnd.service.d") == 0o755
    assert sorted(path.name for path in conf.parent.iterdir()) == ["lnd.conf"]
    before = conf.stat().st_ctime_ns
    second = succeeds("config_files", **wish)
    assert not second["changed"]
    assert (second["paths"], second["diff"]) == ([], [])
    assert conf.stat().st_ctime_ns == before


def test_an_administrators_umask_locks_no_service_out(
    wish: dict[str, t.Any], tmp_path: Path, succeeds: Succeeds
) -> None:
    before = os.umask(0o077)
    try:
        succeeds("config_files", **wish)
    finally:
        os.umask(before)
    assert (mode(tmp_path / "etc"), mode(tmp_path / "units"), mode(tmp_path / "units/lnd.service.d")) == (0o755,) * 3


@pytest.mark.parametrize("check", [True, False])
def test_what_differs_is_shown_and_repaired(
    wish: dict[str, t.Any], tmp_path: Path, succeeds: Succeeds, check: bool
) -> None:
    succeeds("config_files", **wish)
    conf = tmp_path / "etc" / "lnd" / "lnd.conf"
    conf.write_text("alias=other\n")
    conf.parent.chmod(0o777)
    result = succeeds("config_files", check=check, **wish)
    assert result["changed"]
    assert result["paths"] == [str(conf.parent), str(conf)]
    shown = {one["before_header"]: (one["before"], one["after"]) for one in result["diff"]}
    assert [text.split("\n", 1)[1] for text in shown[str(conf)]] == ["alias=other\n", "alias=acme\n"]
    assert [text.split("\n")[0].split()[1] for text in shown[str(conf.parent)]] == ["0777", "0750"]
    assert (conf.read_text(), mode(conf.parent)) == (("alias=other\n", 0o777) if check else ("alias=acme\n", 0o750))


def test_check_mode_makes_nothing(wish: dict[str, t.Any], tmp_path: Path, succeeds: Succeeds) -> None:
    assert succeeds("config_files", check=True, **wish)["changed"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("kind", "made"), [("files", Path.mkdir), ("directories", Path.touch)])
def test_something_else_is_in_the_way(tmp_path: Path, fails: Fails, kind: str, made: t.Callable[[Path], None]) -> None:
    made(tmp_path / "there")
    options = {"path": str(tmp_path / "there"), **({"content": ""} if kind == "files" else {})}
    assert "there is there and is no" in fails("config_files", **{kind: [options]})


def test_a_link_is_not_followed(tmp_path: Path, fails: Fails) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    assert "is no file" in fails("config_files", files=[{"path": str(tmp_path / "link"), "content": "new"}])
    assert (tmp_path / "target").read_text() == "old"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": "rw"}, "not an octal number"),
        ({"owner": "no-such-user"}, "no-such-user"),
        ({"group": "no-such-group"}, "no-such-group"),
    ],
)
@pytest.mark.parametrize("kind", ["files", "directories"])
def test_what_cannot_be_done(tmp_path: Path, fails: Fails, kind: str, options: dict[str, str], words: str) -> None:
    one = {"path": str(tmp_path / "new"), **({"content": "x"} if kind == "files" else {}), **options}
    assert words in fails("config_files", **{kind: [one]})
    assert not (tmp_path / "new").is_file()


def test_a_copy_of_a_services_file(tmp_path: Path, succeeds: Succeeds, fails: Fails) -> None:
    """Only the service's own file is copied, and nothing that the service has put in its place."""
    there, copy = tmp_path / "service/tls.cert", tmp_path / "etc/node.crt"
    there.parent.mkdir()
    wish = {"files": [{"path": str(copy), "copy_of": str(there)}]}
    assert "There is no file" in fails("config_files", **wish)
    assert succeeds("config_files", check=True, **wish)["changed"]
    there.write_text("certificate")
    for path in (there.parent, there):
        os.chown(path, 4001, 4001)
    assert succeeds("config_files", **wish)["changed"]
    assert (copy.read_text(), copy.stat().st_uid, mode(copy)) == ("certificate", os.getuid(), 0o644)
    assert not succeeds("config_files", **wish)["changed"]
    (tmp_path / "secret").write_text("of root")
    there.unlink()
    there.symlink_to(tmp_path / "secret")
    assert "tls.cert is a link" in fails("config_files", **wish)
    assert copy.read_text() == "certificate"
    assert "one of the following is required" in fails("config_files", files=[{"path": str(copy)}])
    assert "mutually exclusive" in fails(
        "config_files", files=[{"path": str(copy), "content": "", "copy_of": str(there)}]
    )


def test_a_link_is_not_taken_for_a_directory(tmp_path: Path, fails: Fails) -> None:
    """It would be given to whom the directory should belong."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc").chmod(0o700)
    (tmp_path / "link").symlink_to("etc")
    assert "is no directory" in fails("config_files", directories=[{"path": str(tmp_path / "link"), "mode": "0755"}])
    assert mode(tmp_path / "etc") == 0o700
