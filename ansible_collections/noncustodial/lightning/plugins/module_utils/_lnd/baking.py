# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A macaroon file that grants exactly what it should, and the revocation of what was granted."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import typing as t
from dataclasses import dataclass, replace

from . import credential, files, macaroon
from .client import Client
from .errors import CaveatUnmet, Denied, InvalidInput, Missing, Refused
from .files import read_file
from .plan import Action, Plan

_MODE = 0o600
_URI = "uri:"
# What lnd v0.21.3 checks; any other caveat makes a macaroon that is good for nothing.
_CAVEATS = ("time-before ", "ipaddr ", "iprange ", "lnd-custom ")


@dataclass(frozen=True)
class Desired:
    """The grant that is asked for.

    Attributes:
        path: where the macaroon is; for a revocation it may be elsewhere.
        permissions: each entity:action, or uri:/package.Service/Method.
        root_key_id: the root key under which it is baked, not 0; with keep_revoked the lowest (see newest).
        caveats: in their order.
        drop_unknown: leave out methods that this lnd does not have.
        owner: user name of the file's owner.
        group: group name of the file.
        credential: the name under which systemd seals the file; None leaves it in the clear.
        keep_revoked: whether a grant whose root key was deleted is not given again.
    """

    path: str | None
    root_key_id: int
    permissions: frozenset[str] = frozenset()
    caveats: tuple[str, ...] = ()
    drop_unknown: bool = False
    owner: str | None = None
    group: str | None = None
    credential: str | None = None
    keep_revoked: bool = False


@dataclass(frozen=True)
class Present:
    """What is there.

    Attributes:
        root_key_ids: the root keys that the node has.
        methods: the methods that the node has; only looked up where a permission names one.
        exists: whether there is a file.
        macaroon: what the file holds, if it is a macaroon.
        accepted: whether the node takes that for genuine.
        protected: whether the file has the wanted mode, owner and group.
    """

    root_key_ids: frozenset[int]
    methods: frozenset[str] = frozenset()
    exists: bool = False
    macaroon: macaroon.Macaroon | None = None
    accepted: bool = False
    protected: bool = False


def check(desired: Desired) -> None:
    """Refuse what cannot be baked or revoked, before any node is asked.

    Raises:
        InvalidInput: with the reason.
    """
    if desired.root_key_id <= 0:
        raise InvalidInput(
            "root_key_id 0 is that of lnd's own macaroons and cannot be deleted, so that a grant under it could not be revoked",
            "Give a number of 1 or more",
        )
    for permission in sorted(desired.permissions):
        entity, _colon, action = permission.partition(":")
        if not entity or not action or (entity == "uri" and not action.startswith("/")):
            raise InvalidInput(f"{permission!r} is not a permission", "Write entity:action, or uri:/package.Service/Method")
    for caveat in desired.caveats:
        if not caveat.startswith(_CAVEATS):
            raise InvalidInput(f"lnd knows no caveat such as {caveat!r}", f"Begin it with one of: {', '.join(_CAVEATS).replace(' ,', ',')}")


# --- read


def read_present(client: Client, desired: Desired) -> Present:
    """The node's root keys, and the file."""
    ids = frozenset(client.call("lnrpc.Lightning/ListMacaroonIDs").root_key_ids)
    methods: frozenset[str] = frozenset()
    if any(permission.startswith(_URI) for permission in desired.permissions):
        methods = frozenset(client.call("lnrpc.Lightning/ListPermissions").method_permissions)
    if desired.path is None:
        return Present(ids, methods)
    kept = read_kept(desired, ids)
    if kept.macaroon is None:
        return replace(kept, methods=methods)
    found = kept.macaroon
    accepted = found.root_key_id in ids and _accepted(client, found)
    return Present(ids, methods, exists=True, macaroon=found, accepted=accepted, protected=_protected(desired))


def read_kept(desired: Desired, ids: frozenset[int]) -> Present:
    """What the file holds, beside the node's root keys; the node is not asked whether it takes that for genuine."""
    path = str(desired.path)
    try:
        data = read_file(path, "the macaroon")
    except Missing:
        return Present(ids)
    try:
        found = macaroon.decode(credential.unseal(path, desired.credential, "macaroon") if desired.credential else data)
    except (macaroon.Malformed, InvalidInput):
        # What cannot be unsealed, such as another machine's file, is of no use to anybody here.
        return Present(ids, exists=True)
    return Present(ids, exists=True, macaroon=found)


def _accepted(client: Client, found: macaroon.Macaroon) -> bool:
    """Whether the node takes a macaroon for genuine. Without permissions to be checked, lnd would not look at the signature."""
    try:
        client.call("lnrpc.Lightning/CheckMacaroonPermissions", macaroon=found.encode(), permissions=_messages(found.permissions))
    except CaveatUnmet:
        # lnd looks at caveats after the signature; whether they hold here and now is for the macaroon's holder.
        return True
    except Denied:
        return False
    return True


def _protected(desired: Desired) -> bool:
    status = os.stat(str(desired.path))
    owner, group = _ids(desired)
    return stat.S_IMODE(status.st_mode) == _MODE and owner in (-1, status.st_uid) and group in (-1, status.st_gid)


def _ids(desired: Desired) -> tuple[int, int]:
    """The numbers of owner and group; -1, as for chown, where none is asked for."""
    try:
        owner = pwd.getpwnam(desired.owner).pw_uid if desired.owner else -1
        return owner, grp.getgrnam(desired.group).gr_gid if desired.group else -1
    except KeyError as error:
        raise InvalidInput(f"This machine does not know {error.args[0].rpartition(': ')[2]}", "Correct owner or group") from error


# --- plan


def plan_present(desired: Desired, present: Present) -> Plan:
    """What is to be done so that the file is exactly the grant.

    Raises:
        InvalidInput: the node does not have a method that is to be granted.
        Refused: the file is one of lnd's own, or its grant was revoked and shall stay so.
    """
    desired = newest(desired, present)
    permissions = wanted(desired, present)
    found = present.macaroon
    after = {
        "permissions": sorted(permissions),
        "root_key_id": desired.root_key_id,
        "caveats": list(desired.caveats),
        "accepted": True,
        "protected": True,
    }
    if found and found.root_key_id == 0:
        raise Refused(f"{desired.path} holds a macaroon of root key 0, as lnd's own files do; it is not replaced", "Give another path")
    if desired.keep_revoked and is_revoked(desired, present):
        raise Refused(
            f"The grant {desired.root_key_id} in {desired.path} was revoked on this node, or is of a wallet that is no more; it is not given again by "
            "itself. Nothing was changed",
            f"To grant again, say so: by another root key, such as {desired.root_key_id + 1}, or by removing {desired.path}",
        )
    same = found is not None and (found.permissions, found.root_key_id, found.caveats) == (
        permissions,
        desired.root_key_id,
        desired.caveats,
    )
    if not same or not present.accepted:
        return Plan((Action("bake", {"permissions": sorted(permissions), "root_key_id": desired.root_key_id}),), shown(present), after)
    if not present.protected:
        return Plan((Action("protect"),), shown(present), after)
    return Plan((), after, after)


def newest(desired: Desired, present: Present) -> Desired:
    """The grant that is meant where a revoked one stays so: the file remembers under which root key its owner came back, which a lower one does not undo."""
    if not desired.keep_revoked or present.macaroon is None:
        return desired
    return replace(desired, root_key_id=max(desired.root_key_id, present.macaroon.root_key_id))


LIVE, REVOKED, DUE = "live", "revoked", "due"
"""A grant that is as it should be; one that its owner has revoked, and that stays so; one that is to be baked, as after a root key that is new."""


def standing(desired: Desired, present: Present) -> str:
    """How it stands with a grant that is not given again by itself: LIVE, REVOKED or DUE."""
    meant = newest(desired, present)
    if is_revoked(meant, present):
        return REVOKED
    return LIVE if present.macaroon is not None and present.macaroon.root_key_id == meant.root_key_id else DUE


def others(desired: Desired, present: Present) -> list[int]:
    """The node's further root keys, but for lnd's own: what was baked under one of them is good until it is deleted."""
    return sorted(present.root_key_ids - {0, newest(desired, present).root_key_id})


def is_revoked(desired: Desired, present: Present) -> bool:
    """Whether the file holds a grant under the wanted root key, and the node has that key no more."""
    found = present.macaroon
    return found is not None and found.root_key_id == desired.root_key_id and found.root_key_id not in present.root_key_ids


def plan_absent(desired: Desired, present: Present) -> Plan:
    """What is to be done so that nothing baked under the root key is of any use, and the file is gone. The key goes first: that is what revokes."""
    actions = []
    if desired.root_key_id in present.root_key_ids:
        actions.append(Action("revoke"))
    if present.exists:
        actions.append(Action("remove"))
    before = {"root_key": desired.root_key_id in present.root_key_ids, "file": present.exists}
    return Plan(tuple(actions), before, {"root_key": False, "file": False})


def wanted(desired: Desired, present: Present) -> frozenset[str]:
    """The permissions that are to be granted; without those for methods that the node does not have, if these may be left out.

    Raises:
        InvalidInput: they may not, or nothing is left.
    """
    unknown = unknown_uris(desired, present)
    if unknown and not desired.drop_unknown:
        raise InvalidInput(
            f"This lnd has no method {', '.join(uri.removeprefix(_URI) for uri in unknown)}",
            "Correct permissions, upgrade the lnd, or set unknown_uris to drop",
        )
    if not desired.permissions.difference(unknown):
        raise InvalidInput("There is no permission to be granted", "Give permissions that this lnd knows")
    return desired.permissions.difference(unknown)


def unknown_uris(desired: Desired, present: Present) -> list[str]:
    """The permissions for methods that the node does not have."""
    return sorted(
        permission
        for permission in desired.permissions
        if permission.startswith(_URI) and permission.removeprefix(_URI) not in present.methods
    )


def shown(present: Present) -> dict[str, t.Any]:
    """The file in a diff. A macaroon's bytes are not shown, nor is anything that is in a file of another kind."""
    if present.macaroon is None:
        return {"permissions": [], "root_key_id": None, "caveats": [], "accepted": False, "protected": False}
    found = present.macaroon
    return {
        "permissions": sorted(found.permissions),
        "root_key_id": found.root_key_id,
        "caveats": list(found.caveats),
        "accepted": present.accepted,
        "protected": present.protected,
    }


# --- apply


def apply_baking(client: Client, action: Action, desired: Desired) -> None:
    """Carry out one action."""
    path = str(desired.path)
    if action.name == "bake":
        answer = client.call(
            "lnrpc.Lightning/BakeMacaroon", permissions=_messages(action.args["permissions"]), root_key_id=action.args["root_key_id"]
        )
        baked = macaroon.decode(bytes.fromhex(answer.macaroon)).attenuated(*desired.caveats).encode()
        if desired.credential:
            credential.seal(path, desired.credential, baked)
        else:
            files.write_file(path, baked, _MODE, desired.owner, desired.group)
    elif action.name == "protect":
        os.chmod(path, _MODE)
        os.chown(path, *_ids(desired))
    elif action.name == "revoke":
        client.call("lnrpc.Lightning/DeleteMacaroonID", root_key_id=desired.root_key_id)
    else:
        os.unlink(path)


def _messages(permissions: t.Iterable[str]) -> list[dict[str, str]]:
    return [dict(zip(("entity", "action"), permission.split(":", 1), strict=True)) for permission in sorted(permissions)]
