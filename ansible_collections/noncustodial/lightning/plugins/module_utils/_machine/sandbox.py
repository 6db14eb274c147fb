# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox of our services: they lose every right that they can do without. systemd-analyze security shows what is
left.
"""

from __future__ import annotations

import typing as t

# PrivateUsers is not among these: in a container without CAP_SYS_PTRACE it fails beside ProtectProc, which hides the
# other tenants' processes.
_STRICT_DIRECTIVES: dict[str, str | list[str]] = {
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "AmbientCapabilities": "",
    # The file system is read-only, except for the directories that the unit itself names.
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "DevicePolicy": "closed",
    "PrivateIPC": "yes",
    "RemoveIPC": "yes",
    "UMask": "0077",
    # The service can neither see nor change other processes and the kernel.
    "ProtectProc": "invisible",
    "ProcSubset": "pid",
    "ProtectHostname": "yes",
    "ProtectClock": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectControlGroups": "yes",
    "KeyringMode": "private",
    "RestrictNamespaces": "yes",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
    "LockPersonality": "yes",
    "MemoryDenyWriteExecute": "yes",
    "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6",
    "SystemCallArchitectures": "native",
    "SystemCallFilter": ["@system-service", "~@privileged @resources"],
    "SystemCallErrorNumber": "EPERM",
    # Keys stay in memory: neither a crash nor a lack of memory writes them to the disk.
    "LimitCORE": "0",
    "MemorySwapMax": "0",
}


def drop_in(relaxed: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    """Return the content of a unit's drop-in file.

    Args:
        relaxed: directives in which the unit differs from the strict set, or that it has in addition: directive, value
            (one or a list) and reason.

    Raises:
        ValueError: one of them has no reason.
    """
    wanted: dict[str, t.Any] = dict(_STRICT_DIRECTIVES)
    reasons: dict[str, str] = {}
    for one in relaxed:
        if not one.get("reason"):
            raise ValueError(f"The sandbox's {one['directive']} is relaxed without a reason. Write down why.")
        wanted[one["directive"]] = one["value"]
        reasons[one["directive"]] = str(one["reason"])
    lines = [
        "# What this service may not do. Where it may do more than all our services, the line before says why.",
        "[Service]",
    ]
    for directive, value in wanted.items():
        lines += [f"# {reasons[directive]}"] if directive in reasons else []
        lines += [f"{directive}={one}" for one in (value if isinstance(value, list) else [value])]
    return "\n".join([*lines, ""])
