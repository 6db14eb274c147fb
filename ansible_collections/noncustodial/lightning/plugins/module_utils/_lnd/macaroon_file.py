# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A macaroon file that grants exactly the wanted permissions, and the revocation of a grant."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import typing as t
from dataclasses import dataclass, replace

from .._core import files
from .._core.errors import InvalidInput, Missing, Refused
from .._core.files import read_file
from .._core.plan import Action, Plan
from .._grpc.client import Client
from .._grpc.errors import CaveatUnmet, Denied
from .._keys import caveats, credential, grant, macaroon

LEAST_ROOT_KEY_ID = 1
"""The first root key that lnd can delete; 0 is that of its own macaroons."""

_FILE_MODE = 0o600
_URI_PREFIX = "uri:"


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedMacaroon:
    """The wanted grant.

    Attributes:
        path: the path of the macaroon; for a revocation it may be elsewhere.
        permissions: each entity:action, or uri:/package.Service/Method.
        root_key_id: the root key under which it is baked, not 0; with keep_revoked the lowest (see newest).
        caveats: the caveats in their order; None for those that the file has under the root key, if revoked grants are
            to stay so, and else for none.
        drop_unknown: leave out methods that this lnd does not have.
        owner: user name of the file's owner.
        group: group name of the file.
        credential: the name under which systemd seals the file; None leaves it in the clear.
        keep_revoked: do not bake a grant again whose root key was deleted.
    """

    path: str | None
    root_key_id: int
    permissions: frozenset[str] = frozenset()
    caveats: tuple[str, ...] | None = ()
    drop_unknown: bool = False
    owner: str | None = None
    group: str | None = None
    credential: str | None = None
    keep_revoked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MacaroonState:
    """The node's root keys and the present file.

    Attributes:
        root_key_ids: the root keys that the node has.
        methods: the methods that the node has; only read if a permission names one.
        exists: whether there is a file.
        macaroon: the macaroon in the file, if it is one.
        accepted: whether the node accepts it as genuine.
        protected: whether the file has the wanted mode, owner and group.
    """

    root_key_ids: frozenset[int]
    methods: frozenset[str] = frozenset()
    exists: bool = False
    macaroon: macaroon.Macaroon | None = None
    accepted: bool = False
    protected: bool = False


def check(desired: WantedMacaroon) -> None:
    """Refuse a grant that cannot be baked or revoked, before any node is asked.

    Raises:
        InvalidInput: the text has the reason.
    """
    if desired.root_key_id < LEAST_ROOT_KEY_ID:
        raise InvalidInput(
            "root_key_id 0 is that of lnd's own macaroons and cannot be deleted, so that a grant under it could not be"
            " revoked",
            "Give a number of 1 or more",
        )
    for permission in sorted(desired.permissions):
        entity, _colon, action = permission.partition(":")
        if not entity or not action or (entity == "uri" and not action.startswith("/")):
            raise InvalidInput(
                f"{permission!r} is not a permission", "Write entity:action, or uri:/package.Service/Method"
            )
    for caveat in desired.caveats or ():
        caveats.check(caveat)


# --- read


def read_present(client: Client, desired: WantedMacaroon) -> MacaroonState:
    """Read the node's root keys and the file."""
    ids = frozenset(client.call("lnrpc.Lightning/ListMacaroonIDs").root_key_ids)
    methods: frozenset[str] = frozenset()
    if any(permission.startswith(_URI_PREFIX) for permission in desired.permissions):
        methods = frozenset(client.call("lnrpc.Lightning/ListPermissions").method_permissions)
    if desired.path is None:
        return MacaroonState(root_key_ids=ids, methods=methods)
    kept = read_kept(desired, ids)
    if kept.macaroon is None:
        return replace(kept, methods=methods)
    found = kept.macaroon
    accepted = found.root_key_id in ids and _accepted(client, found)
    return MacaroonState(
        root_key_ids=ids, methods=methods, exists=True, macaroon=found, accepted=accepted, protected=_protected(desired)
    )


def read_kept(desired: WantedMacaroon, ids: frozenset[int]) -> MacaroonState:
    """Read the file, and put it beside the node's root keys; the node is not asked whether it accepts the macaroon as
    genuine.
    """
    path = str(desired.path)
    try:
        data = read_file(path, "the macaroon")
    except Missing:
        return MacaroonState(root_key_ids=ids)
    try:
        found = macaroon.decode(credential.unseal(path, desired.credential, "macaroon") if desired.credential else data)
    except (macaroon.Malformed, InvalidInput):
        # A file that cannot be unsealed, such as another machine's, is of no use to anybody here.
        return MacaroonState(root_key_ids=ids, exists=True)
    return MacaroonState(root_key_ids=ids, exists=True, macaroon=found)


def _accepted(client: Client, decoded: macaroon.Macaroon) -> bool:
    """Return whether the node accepts a macaroon as genuine. Without permissions to check, lnd would not verify the
    signature.
    """
    try:
        client.call(
            "lnrpc.Lightning/CheckMacaroonPermissions",
            macaroon=decoded.encode(),
            permissions=_messages(decoded.permissions),
        )
    except CaveatUnmet:
        # lnd checks caveats after the signature. Whether they hold here and now concerns only the macaroon's holder.
        return True
    except Denied:
        return False
    return True


def _protected(desired: WantedMacaroon) -> bool:
    status = os.stat(str(desired.path))
    owner, group = _ids(desired)
    return stat.S_IMODE(status.st_mode) == _FILE_MODE and owner in (-1, status.st_uid) and group in (-1, status.st_gid)


def _ids(desired: WantedMacaroon) -> tuple[int, int]:
    """Return the ids of owner and group; -1, as for chown, where none is wanted."""
    try:
        owner = pwd.getpwnam(desired.owner).pw_uid if desired.owner else -1
        return owner, grp.getgrnam(desired.group).gr_gid if desired.group else -1
    except KeyError as error:
        raise InvalidInput(
            f"This machine does not know {error.args[0].rpartition(': ')[2]}", "Correct owner or group"
        ) from error


# --- plan


def plan_present(desired: WantedMacaroon, present: MacaroonState) -> Plan:
    """Plan the actions that make the file exactly the grant.

    Raises:
        InvalidInput: the node lacks a method that is to be granted.
        Refused: the file is one of lnd's own, or its grant was revoked and is to stay so, or is wider and would stay
            good.
    """
    desired = newest(desired, present)
    permissions = wanted(desired, present)
    conditions = desired.caveats or ()
    found = present.macaroon
    after = {
        "permissions": sorted(permissions),
        "root_key_id": desired.root_key_id,
        "caveats": list(conditions),
        "accepted": True,
        "protected": True,
    }
    if found and found.root_key_id == 0:
        raise Refused(
            f"{desired.path} holds a macaroon of root key 0, as lnd's own files do; it is not replaced",
            "Give another path",
        )
    if desired.keep_revoked and is_revoked(desired, present):
        raise Refused(
            f"The grant {desired.root_key_id} in {desired.path} was revoked on this node, or is of a wallet that is no"
            " more; it is not given again by itself. Nothing was changed",
            f"To grant again, say so: by another root key, such as {desired.root_key_id + 1}, or by removing"
            f" {desired.path}",
        )
    if desired.keep_revoked and found and present.accepted and found.root_key_id == desired.root_key_id:
        _refuse_narrowing(desired, found.permissions - permissions, frozenset(conditions).difference(found.caveats))
    same = found is not None and (found.permissions, found.root_key_id, found.caveats) == (
        permissions,
        desired.root_key_id,
        conditions,
    )
    if not same or not present.accepted:
        baking = {"permissions": sorted(permissions), "root_key_id": desired.root_key_id, "caveats": conditions}
        return Plan((Action("bake", baking),), shown(present), after)
    if not present.protected:
        return Plan((Action("protect"),), shown(present), after)
    return Plan((), after, after)


def _refuse_narrowing(desired: WantedMacaroon, wider: frozenset[str], conditions: frozenset[str]) -> None:
    """Refuse to bake a narrower grant under the same root key: the wider macaroon would stay good. Only deleting its
    root key revokes it.

    Args:
        desired: the grant.
        wider: the permissions that the present one has beyond it.
        conditions: the caveats that the present one lacks.
    """
    if wider or conditions:
        keys = f" {grant.KNOWN_KEYS_WARNING}." if grant.gives_keys(wider) else ""
        more = [*sorted(wider), *(f"without {caveat}" for caveat in sorted(conditions))]
        raise Refused(
            f"The grant {desired.root_key_id} in {desired.path} is good on this node and allows more than is to be"
            f" granted: {', '.join(more)}.{keys} A narrower one under the same root key would leave it good."
            " Nothing was changed",
            f"To grant less with this wallet, say so by another root key, such as {desired.root_key_id + 1}; once the"
            f" new bundle is taken up, delete the root key {desired.root_key_id}",
        )


def newest(desired: WantedMacaroon, present: MacaroonState) -> WantedMacaroon:
    """Return the grant with the newest root key, if revoked ones are to stay so, and with its caveats.

    The file records the root key under which its owner came back; a lower one does not undo that. It also records the
    caveats under which its owner has granted.
    """
    found = present.macaroon if desired.keep_revoked else None
    root_key_id = max(desired.root_key_id, found.root_key_id) if found else desired.root_key_id
    kept = found.caveats if found and found.root_key_id == root_key_id else ()
    return replace(desired, root_key_id=root_key_id, caveats=kept if desired.caveats is None else desired.caveats)


LIVE, REVOKED, DUE = "live", "revoked", "due"
"""The states of a grant: it is as it should be; its owner has revoked it, and it stays so; it is to be baked, for
example because the root key is new.
"""


def standing(desired: WantedMacaroon, present: MacaroonState) -> str:
    """Return the state of a grant that is not baked again by itself: LIVE, REVOKED or DUE."""
    meant = newest(desired, present)
    if is_revoked(meant, present):
        return REVOKED
    return LIVE if present.macaroon is not None and present.macaroon.root_key_id == meant.root_key_id else DUE


def others(desired: WantedMacaroon, present: MacaroonState) -> list[int]:
    """Return the node's further root keys, without lnd's own: a macaroon that was baked under one of them is good until
    the key is deleted.
    """
    return sorted(present.root_key_ids - {0, newest(desired, present).root_key_id})


def is_revoked(desired: WantedMacaroon, present: MacaroonState) -> bool:
    """Return whether the file holds a grant under the wanted root key, and the node no longer has that key."""
    found = present.macaroon
    return (
        found is not None and found.root_key_id == desired.root_key_id and found.root_key_id not in present.root_key_ids
    )


def plan_absent(desired: WantedMacaroon, present: MacaroonState) -> Plan:
    """Plan to revoke everything that was baked under the root key, and to remove the file. The key is deleted first,
    because that revokes.
    """
    actions = []
    if desired.root_key_id in present.root_key_ids:
        actions.append(Action("revoke"))
    if present.exists:
        actions.append(Action("remove"))
    before = {"root_key": desired.root_key_id in present.root_key_ids, "file": present.exists}
    return Plan(tuple(actions), before, {"root_key": False, "file": False})


def wanted(desired: WantedMacaroon, present: MacaroonState) -> frozenset[str]:
    """Return the permissions to be granted, without those for methods that the node lacks, if these may be left out.

    Raises:
        InvalidInput: they may not be left out, or no permission remains.
    """
    unknown = unknown_uris(desired, present)
    if unknown and not desired.drop_unknown:
        raise InvalidInput(
            f"This lnd has no method {', '.join(uri.removeprefix(_URI_PREFIX) for uri in unknown)}",
            "Correct permissions, upgrade the lnd, or set unknown_uris to drop",
        )
    if not desired.permissions.difference(unknown):
        raise InvalidInput("There is no permission to be granted", "Give permissions that this lnd knows")
    return desired.permissions.difference(unknown)


def unknown_uris(desired: WantedMacaroon, present: MacaroonState) -> list[str]:
    """Return the permissions for methods that the node lacks."""
    return sorted(
        permission
        for permission in desired.permissions
        if permission.startswith(_URI_PREFIX) and permission.removeprefix(_URI_PREFIX) not in present.methods
    )


def shown(present: MacaroonState) -> dict[str, t.Any]:
    """Return the file as a diff shows it.

    Neither a macaroon's bytes nor the content of another kind of file are shown.
    """
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


def apply_baking(client: Client, action: Action, desired: WantedMacaroon) -> None:
    """Carry out one action."""
    path = str(desired.path)
    if action.name == "bake":
        answer = client.call(
            "lnrpc.Lightning/BakeMacaroon",
            permissions=_messages(action.args["permissions"]),
            root_key_id=action.args["root_key_id"],
        )
        baked = macaroon.decode(bytes.fromhex(answer.macaroon)).attenuated(*action.args["caveats"]).encode()
        if desired.credential:
            credential.seal(path, desired.credential, baked)
        else:
            files.write_file(path, baked, _FILE_MODE, desired.owner, desired.group)
    elif action.name == "protect":
        os.chmod(path, _FILE_MODE)
        os.chown(path, *_ids(desired))
    elif action.name == "revoke":
        client.call("lnrpc.Lightning/DeleteMacaroonID", root_key_id=desired.root_key_id)
    else:
        os.unlink(path)


def _messages(permissions: t.Iterable[str]) -> list[dict[str, str]]:
    return [
        dict(zip(("entity", "action"), permission.split(":", 1), strict=True)) for permission in sorted(permissions)
    ]
