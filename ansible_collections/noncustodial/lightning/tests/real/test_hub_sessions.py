# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions: opened with an old password, a token used twice, a lost answer, and the rows that are left afterwards. lnd
is a fake one.
"""

from __future__ import annotations

import asyncio
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import until
from ansible_collections.noncustodial.lightning.tests.support.hubs import (
    ADMIN_TOKEN,
    Process,
    Setting,
    Wallet,
    in_process,
    ok,
)
from lndhub.errors import BadAuth
from lndhub.hub import Hub

pytestmark = pytest.mark.database

COUNT = "SELECT count(*) FROM refresh_tokens WHERE user_id = {user}"
PHONE, THIEF = {"X-Forwarded-For": "192.0.2.7"}, {"X-Forwarded-For": "198.51.100.9"}


def sql(setting: Setting, statement: str, **values: object) -> str:
    """Return the result of a statement."""
    done = setting.postgres._psql(setting.database, statement.format(**values))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def later(setting: Setting, seconds: float) -> None:
    """Move the use of every token into the past by some seconds."""
    sql(
        setting,
        "UPDATE refresh_tokens SET used_at = used_at - interval '{by} seconds' WHERE used_at IS NOT NULL",
        by=seconds,
    )


def refresh(hub: Process, token: str, of: t.Mapping[str, str] | None = None) -> t.Any:
    """Return the answer to a refresh token, by default requested from the phone."""
    return hub.http.post("/auth?type=refresh_token", json={"refresh_token": token}, headers=of or PHONE).json()


def alive(hub: Process, access: str) -> bool:
    """Return whether an access token is still valid."""
    return "error" not in hub.http.get("/balance", headers={"Authorization": f"Bearer {access}"}).json()


# --- a session that is being opened


@pytest.mark.parametrize("change", [{"password": "a new password"}, {"deactivated": True}])
def test_whoever_logs_in_by_the_old_password_while_it_changes_gets_no_session(
    change: dict[str, t.Any], setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(hub: Hub) -> None:
        made, password = await hub.accounts.create(None, None)
        # The password is right, and compared; what is slow about that ends after the change.
        user = await hub.accounts.login(made.login, password)
        await hub.accounts.update(made.id, change)
        with pytest.raises(BadAuth):
            await hub.tokens.login(hub.pool, user.id, user.epoch)
        assert await hub.pool.fetchval("SELECT count(*) FROM refresh_tokens WHERE user_id = $1", made.id) == 0

    in_process(setting, monkeypatch, body)


def test_a_session_waits_for_a_change_that_is_under_way(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(hub: Hub) -> None:
        user, _password = await hub.accounts.create(None, None)
        async with hub.pool.acquire() as connection:
            change = connection.transaction()
            await change.start()
            await connection.execute("UPDATE users SET epoch = epoch + 1 WHERE id = $1", user.id)
            await connection.execute("DELETE FROM refresh_tokens WHERE user_id = $1", user.id)
            opening = asyncio.create_task(hub.tokens.login(hub.pool, user.id, user.epoch))
            while not await hub.pool.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ):
                assert not opening.done(), "it did not wait"
            await change.commit()
        with pytest.raises(BadAuth):
            await opening
        assert await hub.pool.fetchval("SELECT count(*) FROM refresh_tokens WHERE user_id = $1", user.id) == 0

    in_process(setting, monkeypatch, body)


def test_a_password_is_changed_while_sessions_are_opened_all_the_time(hub: Process, setting: Setting) -> None:
    """In any order of the two, after the change no session of the old password is left."""
    admin = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    victim = hub.user()
    number = ok(hub.http.get(f"/v2/admin/users/{victim.login}", headers=admin))["id"]
    credentials = {"login": victim.login, "password": victim.password}
    with ThreadPoolExecutor(9) as threads:
        opening = [threads.submit(hub.http.post, "/auth", json=credentials) for _turn in range(16)]
        renewing = threads.submit(refresh, hub, victim.refresh)
        changing = threads.submit(
            hub.http.put, "/v2/admin/users", json={"id": number, "password": "a new password"}, headers=admin
        )
        answers = [one.result().json() for one in opening] + [renewing.result()]
    assert changing.result().status_code == 200
    for answer in answers:
        if "access_token" in answer:
            assert not alive(hub, answer["access_token"])
            assert refresh(hub, answer["refresh_token"])["code"] == 1
    assert sql(setting, COUNT, user=number) == "0"


# --- a token that is used twice


def test_a_token_that_is_used_twice_at_once_ends_the_session_for_both(hub: Process) -> None:
    user = hub.user()
    with ThreadPoolExecutor(6) as threads:
        answers = [one.result() for one in [threads.submit(refresh, hub, user.refresh) for _turn in range(6)]]
    won = [answer for answer in answers if "access_token" in answer]
    assert len(won) == 1
    assert refresh(hub, won[0]["refresh_token"])["code"] == 1, "the winner may be the thief"
    assert not alive(hub, won[0]["access_token"])
    assert not alive(hub, user.access)
    assert alive(hub, Wallet(hub, user.login, user.password).access)


def test_an_answer_that_was_lost_is_given_again(hub: Process, setting: Setting) -> None:
    user = hub.user()
    lost = ok(hub.http.post("/auth?type=refresh_token", json={"refresh_token": user.refresh}, headers=PHONE))
    later(setting, 5)
    again = refresh(hub, user.refresh, {"X-Forwarded-For": "192.0.2.99"})
    assert again["refresh_token"] == lost["refresh_token"], "the same, not one more"
    assert alive(hub, again["access_token"])
    later(setting, 5)
    assert refresh(hub, user.refresh)["refresh_token"] == lost["refresh_token"], "as often as the line is bad"
    after = refresh(hub, again["refresh_token"])
    assert alive(hub, after["access_token"])


def ended(hub: Process, *tokens: str) -> None:
    """Check that none of these tokens can be used, whoever uses them."""
    for token in tokens:
        assert refresh(hub, token)["code"] == 1


def test_a_thief_gets_no_token_of_his_own_by_that(hub: Process, setting: Setting) -> None:
    """A thief in the victim's own network gets the same token as the victim, and the second of them to use it ends the
    session.
    """
    user = hub.user()
    first = refresh(hub, user.refresh)
    later(setting, 5)
    stolen = refresh(hub, user.refresh)
    assert stolen["refresh_token"] == first["refresh_token"]
    victims = refresh(hub, first["refresh_token"])
    later(setting, 60)
    assert refresh(hub, stolen["refresh_token"])["code"] == 1
    ended(hub, victims["refresh_token"])
    assert not alive(hub, victims["access_token"])
    assert not alive(hub, stolen["access_token"])


@pytest.mark.parametrize(
    ("what", "seconds", "of", "used"),
    [
        ("from elsewhere", 5, THIEF, False),
        ("too late", 40, PHONE, False),
        ("at once", 0, PHONE, False),
        ("after the next one was used", 5, PHONE, True),
    ],
)
def test_a_second_use_that_is_no_lost_answer_ends_the_session(
    hub: Process, setting: Setting, what: str, seconds: float, of: dict[str, str], used: bool
) -> None:
    user = hub.user()
    newest = refresh(hub, user.refresh)
    if used:
        newest = refresh(hub, newest["refresh_token"])
    if seconds:
        later(setting, seconds)
    assert refresh(hub, user.refresh, of)["code"] == 1, what
    ended(hub, newest["refresh_token"], user.refresh)
    assert not alive(hub, newest["access_token"])


def test_nothing_that_can_be_used_is_in_the_database(hub: Process, setting: Setting) -> None:
    user = hub.user()
    fresh = refresh(hub, user.refresh)
    dump = setting.postgres.dump(setting.database)
    plain = sql(setting, "SELECT * FROM refresh_tokens")
    assert user.login.encode() in dump, "the positive control: it is text"
    for token in (user.refresh, fresh["refresh_token"]):
        assert token not in plain
        assert token.encode() not in dump


# --- sessions that are over


def test_lapsed_sessions_are_swept(hub: Process, setting: Setting) -> None:
    user = hub.user()
    number = sql(setting, "SELECT id FROM users WHERE login = '{login}'", login=user.login)
    refresh(hub, user.refresh)
    assert sql(setting, COUNT, user=number) == "2"
    sql(
        setting,
        "UPDATE refresh_tokens SET expires_at = now() - interval '1 second' WHERE user_id = {user}",
        user=number,
    )
    until("the sweep", lambda: sql(setting, COUNT, user=number) == "0")
    assert not alive(hub, user.access)
