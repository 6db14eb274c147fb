"""The time that it takes to onboard tenants: our playbook, beside a plain script that does the same steps. README.md
describes what is measured.

Call it by `make bench-onboarding`. The last line of standard output is one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from bench.machine import describe
from bench.onboarding import report
from bench.onboarding.topology import (
    CACHE,
    GATEWAY,
    SIGNER_PORT,
    STATE,
    TOPOLOGY,
    Tenant,
    forget_connections,
    make_desks,
    play,
    run,
    ssh,
    write_inventories,
)

HERE = Path(__file__).resolve().parent
ONBOARD = "playbooks/onboard_tenant.yml"


def say(text: str) -> None:
    print(f"[{time.monotonic() - BEGAN:6.1f} s] {text}", file=sys.stderr, flush=True)


BEGAN = time.monotonic()
MOST = 8


def waves(count: int, sizes: list[int]) -> list[list[int]]:
    """Return the number of tenants that each measured run onboards, in the order of running; 0 stands for the script
    with its one tenant.

    The runs of a wave need tenants of their own; before the next wave those are made new. Kinds take turns, so that
    whatever changes on the machine in between meets all of them. Of eight there are two rounds at most, of what lies
    between one and eight there is one.
    """
    order: list[list[int]] = []
    for number in range(count):
        order.append([0, *(size for size in sizes if size == 1 or (size < MOST and number == 0))])
        if MOST in sizes and number < 2:
            order.append([MOST])
    return order


def deploy(tenants: list[Tenant], channels: int) -> None:
    """Deploy everything that is there before a tenant is onboarded: provider, provisioned tenants, their signers and
    bundles.
    """
    play("molecule/default/destroy.yml", "localhost")
    write_inventories(tenants)
    say(f"raising {4 + len(tenants)} machines")
    play("molecule/default/create.yml", "localhost", "-e", f"machines_file={STATE}/machines.json")
    make_desks(tenants)
    say("the provider: bitcoind, PostgreSQL, gateway, own node")
    play("playbooks/site.yml", "provider", "--limit", "chain")
    play("inventories/regtest/miner.yml", "provider")
    play("playbooks/site.yml", "provider", "--limit", "gateway,own-node")
    fund_gateway(channels)
    play("playbooks/gateway_channels.yml", "provider")
    say(f"{len(tenants)} tenants are provisioned")
    play("playbooks/provision_tenant.yml", "provider")
    say(f"{len(tenants)} tenants set up their signers")
    play("playbooks/signer.yml", "signers")
    for tenant in tenants:
        hand_over(tenant)


def fund_gateway(channels: int) -> None:
    """Give the gateway one coin for each channel, so that none waits for another's change."""
    lncli = "lncli --network=regtest --lnddir=/var/lib/lnd/gateway"
    address = json.loads(ssh("gateway", f"{lncli} newaddress p2tr"))["address"]
    ssh("chain", f"for coin in $(seq {channels + 4}); do regtest-fund {address} 0.1; done")
    wanted = (channels + 4) * 10_000_000
    deadline = time.monotonic() + 60
    while int(json.loads(ssh("gateway", f"{lncli} walletbalance"))["confirmed_balance"]) < wanted:
        if time.monotonic() > deadline:
            raise SystemExit("The gateway's coins are not confirmed after 60 s")
        time.sleep(0.2)


def hand_over(tenant: Tenant) -> None:
    """Fetch the script's input from the tenant as a person would have got it: plain files from the signer."""
    source = {
        "accounts.json": "lncli --network=regtest --lnddir=/var/lib/lnd/signer wallet accounts list",
        "signer.crt": "cat /var/lib/lnd/signer/tls.cert",
        "birthday": "cat /etc/lnd/signer/birthday",
    }
    for name, command in source.items():
        (tenant.desk / name).write_text(ssh(tenant.machine, command))
    macaroon = subprocess.run(
        ["ssh", "-F", STATE / "ssh/config", tenant.machine, "cat /etc/signer/provider.macaroon"],
        capture_output=True,
        check=True,
    ).stdout
    (tenant.desk / "signer.macaroon").write_bytes(macaroon)


def by_script(tenant: Tenant) -> dict[str, Any]:
    began = time.monotonic()
    said = run(
        HERE / "script",
        STATE / "ssh/config",
        tenant.name,
        str(tenant.rpc_port),
        f"{tenant.machine}:{SIGNER_PORT}",
        GATEWAY,
        tenant.desk,
    )
    seconds = time.monotonic() - began
    marks = [(float(line.split()[0]), line.split(maxsplit=1)[1]) for line in said.splitlines()]
    parts = [[name, round(after - at, 3)] for (at, name), (after, _next) in pairwise(marks)]
    return {"seconds": round(seconds, 2), "parts": parts}


def by_playbook(tenants: list[Tenant]) -> dict[str, Any]:
    seconds, said = play(ONBOARD, "provider", "--limit", ",".join(tenant.name for tenant in tenants))
    # ansible.posix.profile_tasks ends with the time of each task.
    parts = [[name, float(took)] for name, took in re.findall(r"^(.+?) -+ +([0-9.]+)s$", said, re.MULTILINE)]
    changed = sum(int(number) for number in re.findall(r"^\S+ +: ok=.* changed=(\d+)", said, re.MULTILINE))
    return {"seconds": round(seconds, 2), "parts": parts, "changed": changed}


def renew(tenants: list[Tenant]) -> None:
    """Set the tenants back to "provisioned", with other seeds: the next run onboards new nodes on new databases."""
    for tenant in tenants:
        (STATE / f"provider/reports/{tenant.name}.json").unlink(missing_ok=True)
    names = " ".join(tenant.name for tenant in tenants)
    ssh(
        "nodes",
        f"""set -e; for name in {names}; do
          systemctl stop lnd@$name lnd-lock@$name
          rm -rf /var/lib/lnd/$name/* /etc/lnd/$name/signer.crt /etc/systemd/system/lnd@$name.service.d/signer.conf
          rm -f /etc/credstore.encrypted/lnd@$name.signer.macaroon
        done
        systemctl daemon-reload""",
    )
    ssh("chain", "runuser -u postgres -- psql --quiet --set=ON_ERROR_STOP=1", "".join(map(new_database, tenants)))
    ssh("nodes", "systemctl enable --now " + " ".join(f"lnd@{tenant.name}" for tenant in tenants))
    play("bench/onboarding/renew.yml", "signers", "--limit", ",".join(tenant.machine for tenant in tenants))
    for tenant in tenants:
        hand_over(tenant)


def new_database(tenant: Tenant) -> str:
    name = f'"lnd_{tenant.name}"'
    return f"""drop database {name} with (force);
        create database {name} owner {name} template template0 encoding 'UTF8' locale 'C.UTF-8';
        revoke all on database {name} from public;
        """


def measure(order: list[list[int]], tenants: list[Tenant]) -> list[dict[str, Any]]:
    """Measure run after run. When a run is done, its nodes are stopped, so that each begins with the same load on the
    machine.
    """
    results: list[dict[str, Any]] = []
    used: set[Tenant] = set()

    def note(kind: str, count: int, result: dict[str, Any]) -> None:
        results.append({"kind": kind, "tenants": count, **result})
        say(f"{kind:8} {count} tenant(s): {result['seconds']:.1f} s")

    for wave in order:
        needed = tenants[: sum(size or 1 for size in wave)]
        again = [tenant for tenant in needed if tenant in used]
        if again:
            say(f"{len(again)} tenants are made new")
            renew(again)
        used.update(needed)
        left = iter(needed)
        for size in wave:
            those = list(islice(left, size or 1))
            forget_connections()
            if size == 0:
                note("script", 1, by_script(those[0]))
            else:
                note("playbook", size, by_playbook(those))
                forget_connections()
                rerun = by_playbook(those)
                if rerun["changed"]:
                    raise SystemExit(f"A rerun with nothing to do changed {rerun['changed']} things")
                note("rerun", size, rerun)
            ssh("nodes", "systemctl disable --now " + " ".join(f"lnd@{tenant.name}" for tenant in those))
            for tenant in those:
                ssh(tenant.machine, "systemctl disable --now lnd@signer")
    return results


def machine() -> dict[str, Any]:
    """Describe the machine on which it ran."""
    lnd = run(CACHE / "lnd/v0.21.3-beta/lnd", "--version").split()[2]
    return {
        **describe(),
        "ansible_core": run("ansible", "--version").split("]")[0].split()[-1],
        "lnd": lnd,
        "bitcoind": ssh("chain", "bitcoind --version").splitlines()[0].split()[-1],
        "postgresql": ssh("chain", "psql --version").split()[2],
        "target": ssh("nodes", ". /etc/os-release && echo $PRETTY_NAME").strip(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of the script and of small runs (default 3)")
    parser.add_argument("--sizes", default="1,2,4,8", help="tenants at once (default 1,2,4,8)")
    parser.add_argument(
        "--keep",
        action="store_true",
        help="leave the topology up, and write results beside its state instead of into the tree",
    )
    options = parser.parse_args()
    os.environ["TOPOLOGY"] = TOPOLOGY
    os.environ |= {
        "ANSIBLE_CALLBACKS_ENABLED": "ansible.posix.profile_tasks",
        "PROFILE_TASKS_TASK_OUTPUT_LIMIT": "all",
        "PROFILE_TASKS_SORT_ORDER": "none",
    }
    order = waves(options.rounds, [int(size) for size in options.sizes.split(",")])
    counts = [sum(size or 1 for size in wave) for wave in order]
    tenants = [Tenant(number) for number in range(1, max(counts) + 1)]
    deploy(tenants, sum(counts))
    before = os.getloadavg()[0]
    results = {"machine": machine(), "load_before": before, "runs": measure(order, tenants)}
    folder = STATE if options.keep else HERE
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    if options.keep:
        shutil.copy(HERE / "README.md", folder)
    else:
        play("molecule/default/destroy.yml", "localhost")
    print(json.dumps(report.write(results, folder)))


if __name__ == "__main__":
    main()
