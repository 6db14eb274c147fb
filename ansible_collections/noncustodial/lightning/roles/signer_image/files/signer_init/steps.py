# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the first login to the bundle. Each step looks at what is there and does what is missing, so that a run that was cut off anywhere is run again.

The order is what makes that safe: nothing is changed before everything has been checked; lnd, which takes a wallet from whoever reaches it, listens to this
machine alone until it has one, and the firewall lets nobody in; the seed is sealed to the machine before anybody sees it, and with its owner before there is
a wallet of it; and the wallet is shown to be of that seed before the seed is forgotten, the provider is let in, or anything is granted.
"""

from __future__ import annotations

import typing as t
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils._admission import ssh_admitted
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import (
    age,
    baking,
    certificate,
    document,
    endpoint,
    files,
    offer,
    seed,
    state,
    wallet,
)
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.client import Client
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import InvalidInput, LndError, Refused, WaitTimeout
from ansible_collections.noncustodial.lightning.plugins.module_utils._unit import UnitError

from . import ceremony, kits, node, pending, render
from .host import Machine
from .kits import Kit
from .place import USER, Place
from .settings import NO_TPM, Image, Settings, check_close_address, read_image, read_settings, write_settings
from .terminal import Terminal, of_session

Say = t.Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """What was said on the command line.

    Attributes:
        kit_file: the kit, if it is not in its place yet.
        bring_seed: whether the tenant has a seed already.
        chosen: settings that are given there, None where not.
    """

    kit_file: Path | None = None
    bring_seed: bool = False
    chosen: t.Mapping[str, t.Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Agreed:
    """All that the steps need, checked.

    Attributes:
        host: the machine.
        image: what it is.
        kit: of the provider.
        chosen: by the tenant.
        terminal: of the session, where one is needed.
        bring_seed: whether the tenant has a seed already.
    """

    host: Machine
    image: Image
    kit: Kit
    chosen: Settings
    terminal: Terminal | None
    bring_seed: bool

    @property
    def place(self) -> Place:
        """Of the files."""
        return self.host.place

    @property
    def network(self) -> str:
        """Of the kit."""
        return str(self.kit["network"])


def run(host: Machine, request: Request, say: Say) -> dict[str, t.Any]:
    """Everything, to the bundle; gives what may be shown of it.

    Raises:
        LndError, UnitError: something is not as it must be; the text says what, and what to do.
        Stopped: the tenant has stopped at the terminal.
    """
    request = replace(request, kit_file=request.kit_file or host.offered_kit())
    agreed = agree(host, request)
    check_admin(host, agreed.chosen, "Say which network you are in, over IPv4 and at port 22: signer-init --admin NETWORK")
    say(f"Kit of {agreed.kit['tenant']} on {agreed.network}. The provider will dial {agreed.chosen.address}:{agreed.chosen.port}.")
    configure(agreed, request.kit_file)
    if host.has_firewall:
        say(
            f"The machine is closed, but for ssh to {', '.join(agreed.chosen.admin_addresses)} and, once there is a wallet, to the provider's addresses."
        )
    have_wallet(agreed, say)
    say("The wallet is there, and lnd serves.")
    return have_bundle(agreed)


# --- agree: everything is looked at, and nothing is changed


def agree(host: Machine, request: Request) -> Agreed:
    """Look at everything that could go wrong before anything is done.

    Raises:
        LndError: with what is wrong. Nothing was changed.
    """
    place = host.place
    image = read_image(place)
    chosen = read_settings(place, **request.chosen)
    kit = kits.read(place, image, request.kit_file)
    check_close_address(chosen, kit["network"])
    if chosen.seed_recipient and not place.wallet(kit["network"]).exists():
        # A key that was mistyped has the form of one; only age knows that it is none.
        age.encrypt(b"", chosen.seed_recipient)
    check_tpm(host, chosen)
    if host.has_tpm() and not place.password.exists():
        # Said without need: what will be kept is how the password was sealed.
        chosen = replace(chosen, without_tpm="")
    host.check()
    terminal = of_session() if needs_terminal(host, kit, chosen, request.bring_seed) else None
    if not chosen.address:
        # Asking needs a terminal, so that there is one.
        chosen = replace(chosen, address=ask_address(t.cast("Terminal", terminal)))
    return Agreed(host, image, kit, chosen, terminal, request.bring_seed)


def check_admin(host: Machine, chosen: Settings, cure: str) -> None:
    """Refuse a firewall that would not let its administrator in again; it would not cut off this login, so that nobody would notice.

    Args:
        host: the machine.
        chosen: with the networks from which ssh will be open.
        cure: what the tenant can do.

    Raises:
        Refused: the login comes from elsewhere.
    """
    login = host.connection() if host.has_firewall else ""
    if not ssh_admitted(login, chosen.admin_addresses):
        raise Refused(
            f"You would lock yourself out: this machine sees you come from {login.split()[0]} to port {login.split()[3]}, and its firewall would open ssh "
            f"at port 22 to {', '.join(chosen.admin_addresses)} alone. Nothing was changed",
            cure,
        )


def check_tpm(host: Machine, chosen: Settings, command: str = "signer-init") -> None:
    """Refuse a machine on which a copy of the disk would have the keys, unless the tenant has said so in just these words, to that command.

    Raises:
        Refused: there is no TPM.
    """
    if host.keeps_passwords and not host.has_tpm() and chosen.without_tpm != NO_TPM:
        raise Refused(
            "This machine has no TPM 2.0. The wallet's password would lie on the same disk as the wallet, and whoever copies the disk has the keys. "
            "Nothing was changed",
            f"Start the image on a machine with a (virtual) TPM; or, if you accept that, say: {command} --without-tpm '{NO_TPM}'",
        )


def needs_terminal(host: Machine, kit: Kit, chosen: Settings, bring_seed: bool) -> bool:
    """Whether something will be asked or shown."""
    under_way = pending.read(host)
    has_seed = under_way.confirmed if under_way else host.place.wallet(kit["network"]).exists()
    return not chosen.address or not (has_seed or (chosen.seed_recipient and not bring_seed))


def ask_address(terminal: Terminal) -> str:
    """Name or address by which the provider dials."""
    terminal.say("By which name or address does your provider reach this machine? A name lets you move the signer later.")
    while True:
        text = terminal.ask("  name or IPv4 address: ")
        try:
            endpoint.parse(f"{text}:1")
        except InvalidInput:
            terminal.say("  That is neither a name nor an IPv4 address.")
        else:
            return text


# --- configure


def configure(agreed: Agreed, kit_file: Path | None) -> None:
    """Kit, settings, password, firewall and lnd's settings."""
    host, place = agreed.host, agreed.place
    # Before there is a seed.
    host.end_cloud_init()
    host.folder(place.desk, None, 0o700)
    host.write(place.kit, (kit_file or place.kit).read_bytes(), None, 0o600)
    host.folder(place.config, USER, 0o750)
    write_settings(place, agreed.chosen)
    host.have_signing_key(agreed.kit["tenant"])
    host.have_password()
    has_wallet = place.wallet(agreed.network).exists()
    # A signer that serves is not cut off. One whose seed is still kept has not been shown to be that of the seed.
    _let_in(agreed, has_wallet and not place.pending_seed.exists())
    _configure_lnd(agreed, has_wallet)
    if place.certificate.exists() and not _certificate_fits(agreed):
        host.new_certificate()


def _let_in(agreed: Agreed, provider: bool) -> None:
    agreed.host.apply_rules(render.rules(agreed.place, agreed.kit, agreed.chosen, agreed.image, provider))


def _configure_lnd(agreed: Agreed, has_wallet: bool) -> None:
    content = render.lnd_conf(agreed.place, agreed.network, agreed.chosen, has_wallet, agreed.host.credentials)
    agreed.host.write(agreed.place.lnd_conf, content.encode(), USER, 0o640)


def _certificate_fits(agreed: Agreed) -> bool:
    served = certificate.read(agreed.place.certificate.read_text())
    dialled = endpoint.parse(f"{agreed.chosen.address}:{agreed.chosen.port}")
    return certificate.problem(served, dialled, document.now()) is None


# --- wallet


def have_wallet(agreed: Agreed, say: Say) -> None:
    """Have a wallet of a seed that its owner has, and lnd serve with it.

    Whether this run made it, an earlier one that was cut off, or nobody knows: it is accepted once lnd has been started with a configuration by which it takes
    no wallet, and opens the one that it has by the password of this machine or ends. Whoever else made one, while he could reach lnd, chose its password, for
    he does not know ours; and with ours a wallet is only ever made of the seed that is kept here until then. That InitWallet was answered proves less: of two
    that come at the same time lnd takes one, and says to both that it is done (lnd, walletunlocker/service.go).

    Raises:
        Refused: it is somebody else's. Nothing was granted, and the seed is kept.
    """
    under_way = pending.read(agreed.host)
    with closing(_start(agreed, under_way, say)) as client:
        if state.read_state(client) == "NON_EXISTING":
            _make(agreed, client, under_way)
        node.serves(client)
    _configure_lnd(agreed, has_wallet=True)
    with closing(_started(agreed)):
        pass
    _let_in(agreed, provider=True)
    # Only now: until lnd has served, this seed is what a wallet that was cut off is made of again.
    pending.forget(agreed.host)


def _start(agreed: Agreed, under_way: pending.Pending | None, say: Say) -> Client:
    """A connection to lnd, which has no wallet or serves. What an interruption has left of a wallet is set aside, if its seed is at hand."""
    try:
        return _started(agreed)
    except (UnitError, WaitTimeout):
        if under_way is None or not under_way.confirmed or not agreed.place.wallet(agreed.network).exists():
            raise
    say(f"lnd was cut off while it made the wallet. What there was of it is now {agreed.host.set_aside()}; the same seed is used again.")
    _configure_lnd(agreed, has_wallet=False)
    return _started(agreed)


def _started(agreed: Agreed) -> Client:
    try:
        agreed.host.run_lnd()
    except UnitError as error:
        if wallet.OPENS_OTHERWISE not in str(error):
            raise
        # It would try again and again, at all addresses.
        agreed.host.stop_lnd()
        raise wallet.not_ours(
            "lnd is stopped, nothing was granted, and nothing else was changed",
            f"See who could reach this machine's port 10009. Then all that lnd has must go: rm -r {agreed.place.lnddir}/data, and {_again(agreed)}",
        ) from error
    client = node.started(agreed.place, agreed.network)
    try:
        if state.read_state(client) != "NON_EXISTING":
            node.serves(client)
    except BaseException:
        client.close()
        raise
    return client


def _again(agreed: Agreed) -> str:
    kept = agreed.place.pending_seed.exists()
    return "run signer-init again, which goes on with your seed" if kept else "bring the seed that you wrote down: signer-init --bring-seed"


def _make(agreed: Agreed, client: Client, under_way: pending.Pending | None) -> None:
    """Make the wallet of the seed that is under way, or of a new or a brought one."""
    place = agreed.place
    if under_way is None and place.birthday.exists() and not agreed.bring_seed:
        raise Refused(
            "This signer has had a wallet, and it is gone. A new seed would be another node. Nothing was changed",
            "Bring the seed that you wrote down: signer-init --bring-seed",
        )
    fault = ""
    while True:
        now = under_way or (_brought(agreed, fault) if agreed.bring_seed else _new(agreed, client))
        if not now.confirmed:
            now = _hand_over(agreed, now, again=under_way is not None)
        files.write_file(str(place.birthday), f"{now.birthday}\n".encode(), 0o644)
        how = node.how(agreed.host.password())
        try:
            wallet.make(client, how, list(now.words), wallet_password=how.password.read(), aezeed_passphrase=b"")
        except LndError as error:
            if not now.brought or state.read_state(client) != "NON_EXISTING":
                raise
            # Words that are no seed.
            pending.forget(agreed.host)
            place.birthday.unlink()
            if agreed.terminal is None:
                raise
            fault, under_way = str(error), None
            continue
        # A grant of an earlier wallet is worthless: its root key was with that.
        place.macaroon.unlink(missing_ok=True)
        return


def _new(agreed: Agreed, client: Client) -> pending.Pending:
    words = tuple(client.call("lnrpc.WalletUnlocker/GenSeed").cipher_seed_mnemonic)
    made = pending.Pending(words, agreed.network, int(document.now().timestamp()))
    pending.keep(agreed.host, made)
    return made


def _brought(agreed: Agreed, fault: str) -> pending.Pending:
    words, birthday = ceremony.take(t.cast("Terminal", agreed.terminal), agreed.network, fault)
    made = pending.Pending(words, agreed.network, birthday, confirmed=True, brought=True)
    pending.keep(agreed.host, made)
    return made


def _hand_over(agreed: Agreed, now: pending.Pending, again: bool) -> pending.Pending:
    """Its owner has the seed when this returns."""
    if agreed.chosen.seed_recipient:
        seed.hand_over(list(now.words), agreed.chosen.seed_recipient, str(agreed.place.encrypted_seed), now.network, now.birthday)
    else:
        ceremony.hand_over(t.cast("Terminal", agreed.terminal), now.words, again)
    return pending.confirm(agreed.host, now)


# --- bundle


def have_bundle(agreed: Agreed) -> dict[str, t.Any]:
    """Have the provider's grant, and the bundle with it; gives its open part and the node's id."""
    place, chosen = agreed.place, agreed.chosen
    wanted = node.granted(place, chosen)
    desired = offer.Desired(
        path=str(place.bundle),
        network=agreed.network,
        kit_file=str(place.kit),
        endpoint=f"{chosen.address}:{chosen.port}",
        certificate_file=str(place.certificate),
        macaroon_file=str(place.macaroon),
        birthday_file=str(place.birthday),
        signing_key_file=str(place.signing_key),
        close_address=chosen.close_address or None,
        valid_for=chosen.bundle_valid_for,
    )
    with closing(node.connect(place, agreed.network)) as client:
        present = baking.read_present(client, wanted)
        _not_revoked(wanted, present)
        for action in baking.plan_present(wanted, present).actions:
            baking.apply_baking(client, action, wanted)
        made = offer.read_offer(client, desired, document.now())
        for action in offer.plan_offer(made).actions:
            offer.apply_offer(action, desired)
    return {**offer.shown(made.outside), "node_id": made.content["node_id"], "endpoint": made.content["endpoint"]}


def _not_revoked(wanted: baking.Desired, present: baking.Present) -> None:
    """A grant that the tenant has revoked does not come back by itself."""
    if baking.standing(wanted, present) == baking.REVOKED:
        number = baking.newest(wanted, present).root_key_id
        raise Refused(
            f"The grant {number} was revoked on this signer, and is not given again by itself. Nothing was changed",
            f"To let the provider sign again, say so: signer-init --root-key-id {number + 1}, and hand over the new bundle",
        )
