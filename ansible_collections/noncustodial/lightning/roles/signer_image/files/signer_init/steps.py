# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps from the first login to the bundle. Each reads what is there and does what is missing, so that a run can be
repeated after any interruption.

The order makes that safe. Nothing is changed before everything has been checked. lnd takes a wallet from anybody who
reaches it; so it listens only on loopback until it has one, and the firewall lets nobody in. The seed is sealed to the
machine before anybody sees it, and its owner has it before a wallet is made from it. The wallet is proved to be of that
seed before the seed is deleted, the provider is let in, or anything is granted.
"""

from __future__ import annotations

import typing as t
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import agreement
from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle.kit import check_address, fingerprint
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document, endpoint, files
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import (
    InvalidInput,
    LightningError,
    Refused,
    WaitTimeout,
)
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.plan import Plan
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import state
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client
from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.ssh_lockout import ssh_admitted
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import age, certificate
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import (
    bundle_file,
    macaroon_file,
    seed,
    wallet,
)
from ansible_collections.noncustodial.lightning.plugins.module_utils._machine.unit import UnitError

from . import ceremony, kits, node, pending, render
from .host import Machine
from .kits import Kit
from .place import USER, Place
from .settings import NO_TPM_SENTENCE, Image, Settings, check_close_address, read_image, read_settings, write_settings
from .terminal import Terminal, of_session

Say = t.Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The arguments of the command line.

    Attributes:
        kit_file: the kit, if it is not in its place yet.
        bring_seed: whether the tenant has a seed already.
        settings: settings that were given, None where not.
        statement: the agreement about the kit that was given.
        served: whether the signer serves with this kit already, from an image before kits were compared; then it is not
            compared now.
    """

    kit_file: Path | None = None
    bring_seed: bool = False
    settings: t.Mapping[str, t.Any] = field(default_factory=dict)
    statement: agreement.Agreement = field(default_factory=agreement.Agreement)
    served: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """All inputs of the steps, checked.

    Attributes:
        host: the machine.
        image: the image's description.
        kit: the provider's kit.
        settings: the tenant's settings.
        terminal: terminal of the session, where one is needed.
        bring_seed: whether the tenant has a seed already.
        compared: whether the kit's fingerprint was compared with the provider; if so, it is recorded.
    """

    host: Machine
    image: Image
    kit: Kit
    settings: Settings
    terminal: Terminal | None
    bring_seed: bool
    compared: bool = True

    @property
    def place(self) -> Place:
        """The paths of the signer's files."""
        return self.host.place

    @property
    def network(self) -> str:
        """The kit's network."""
        return str(self.kit["network"])


def run(host: Machine, request: Request, say: Say) -> dict[str, t.Any]:
    """Do all steps up to the bundle; return the part of the bundle that may be shown.

    Raises:
        LightningError, UnitError: something is not as it must be; the message names it, and the cure.
        Stopped: the tenant has stopped at the terminal.
    """
    request = replace(request, kit_file=request.kit_file or host.offered_kit())
    setup = agree(host, request)
    check_admin(host, setup.settings, "Set the network from which you log in at port 22: signer-init --admin NETWORK")
    say(f"Kit of {setup.kit['tenant']} on {setup.network}, fingerprint {fingerprint(setup.kit)}.")
    say(f"The provider will dial {setup.settings.endpoint} from {', '.join(setup.kit['provider_addresses'])}.")
    configure(setup)
    if host.has_firewall:
        say(
            f"The machine is closed, but for ssh to {', '.join(setup.settings.ssh_networks)} and, once there is a"
            " wallet, to the provider's addresses."
        )
    have_wallet(setup, say)
    say("The wallet is there, and lnd serves.")
    return have_bundle(setup)


# --- agree: everything is looked at, and nothing is changed


def agree(host: Machine, request: Request) -> Setup:
    """Check everything that could go wrong before anything is done.

    Raises:
        LightningError: the message names what is wrong. Nothing was changed.
    """
    place = host.place
    image = read_image(place)
    settings = read_settings(place, **request.settings)
    kit = kits.read(place, image, request.kit_file)
    check_close_address(settings, kit["network"])
    if settings.seed_recipient and not place.wallet(kit["network"]).exists():
        # A mistyped key has the form of a key; only age finds that it is none.
        age.encrypt(b"", settings.seed_recipient)
    check_tpm(host, settings)
    if host.has_tpm() and not place.password.exists():
        # The sentence was not needed: what is stored is how the password was sealed.
        settings = replace(settings, without_tpm="")
    host.check()
    terminal = None if request.served else _compared(host, kit, request.statement, settings.kit_widest)
    if terminal is None and needs_terminal(host, kit, settings, request.bring_seed):
        terminal = of_session()
    if not settings.address:
        # Asking needs a terminal, so that there is one.
        settings = replace(settings, address=ask_address(t.cast("Terminal", terminal)))
    check_address(
        kit, settings.address, "Ask your provider for a kit with its addresses of the other kind, or give --address"
    )
    return Setup(
        host=host,
        image=image,
        kit=kit,
        settings=settings,
        terminal=terminal,
        bring_seed=request.bring_seed,
        compared=not request.served,
    )


def _compared(host: Machine, kit: Kit, statement: agreement.Agreement, widest: int) -> Terminal | None:
    """Have the kit compared with the provider, if it was not before; return the terminal on which that was done, or
    None.
    """
    try:
        kits.check_agreed(host, kit, statement, widest)
    except agreement.Unconfirmed as unconfirmed:
        if statement.fingerprint:
            raise
        try:
            terminal = of_session()
        except Refused:
            raise unconfirmed from None
        kits.compare(terminal, kit, agreement.remembered(str(host.place.desk)).fingerprint)
        return terminal
    return None


def check_admin(host: Machine, settings: Settings, cure: str) -> None:
    """Refuse a firewall that would not let its administrator in again; it would not cut off this login, so that nobody
    would notice.

    Args:
        host: the machine.
        settings: the settings, with the networks from which ssh will be open.
        cure: the error's advice to the tenant.

    Raises:
        Refused: the login comes from elsewhere.
    """
    login = host.connection() if host.has_firewall else ""
    if not ssh_admitted(login, settings.ssh_networks):
        raise Refused(
            f"You would lock yourself out: this machine sees you come from {login.split()[0]} to port"
            f" {login.split()[3]}, and its firewall would open ssh at port 22 only to"
            f" {', '.join(settings.ssh_networks)}. Nothing was changed",
            cure,
        )


def check_tpm(host: Machine, settings: Settings, command: str = "signer-init") -> None:
    """Refuse a machine on which a copy of the disk would have the keys, unless the tenant has given that sentence to
    the command.

    Raises:
        Refused: there is no TPM.
    """
    if host.keeps_passwords and not host.has_tpm() and settings.without_tpm != NO_TPM_SENTENCE:
        raise Refused(
            "This machine has no TPM 2.0. The wallet's password would lie on the same disk as the wallet, and whoever"
            " copies the disk has the keys. Nothing was changed",
            f"Start the image on a machine with a (virtual) TPM; or, if you accept that, run: {command} --without-tpm"
            f" '{NO_TPM_SENTENCE}'",
        )


def needs_terminal(host: Machine, kit: Kit, settings: Settings, bring_seed: bool) -> bool:
    """Return whether the tenant will be asked or shown something."""
    under_way = pending.read(host)
    has_seed = under_way.confirmed if under_way else host.place.wallet(kit["network"]).exists()
    return not settings.address or not (has_seed or (settings.seed_recipient and not bring_seed))


def ask_address(terminal: Terminal) -> str:
    """Ask for the name or address at which the provider dials."""
    terminal.say(
        "By which name or address does your provider reach this machine? A name lets you move the signer later."
    )
    while True:
        text = terminal.ask("  name or address: ")
        try:
            endpoint.check_host(text)
        except InvalidInput as error:
            terminal.say(f"  That {error.what}.")
        else:
            return text


# --- configure


def configure(setup: Setup) -> None:
    """Write the kit and its agreement, settings, password, firewall and lnd's configuration."""
    host, place = setup.host, setup.place
    # Before there is a seed.
    host.end_cloud_init()
    host.folder(place.desk, None, 0o700)
    for name, text in agreement.files(setup.kit, kits.text(setup.kit)).items():
        if setup.compared or name != agreement.FINGERPRINT_FILE:
            host.write(place.desk / name, text.encode(), None, 0o600)
    host.folder(place.config, USER, 0o750)
    write_settings(place, setup.settings)
    host.have_signing_key(setup.kit["tenant"])
    host.have_password()
    has_wallet = place.wallet(setup.network).exists()
    # A signer that serves is not cut off. A wallet whose seed is still kept has not been proved to be of that seed.
    _let_in(setup, has_wallet and not place.pending_seed.exists())
    _configure_lnd(setup, has_wallet)
    if place.certificate.exists() and not _certificate_fits(setup):
        host.new_certificate()


def _let_in(setup: Setup, provider: bool) -> None:
    setup.host.apply_rules(render.rules(setup.place, setup.kit, setup.settings, setup.image, provider))


def _configure_lnd(setup: Setup, has_wallet: bool) -> None:
    content = render.lnd_conf(setup.place, setup.kit, setup.settings, has_wallet, setup.host.credentials)
    setup.host.write(setup.place.lnd_conf, content.encode(), USER, 0o640)


def _certificate_fits(setup: Setup) -> bool:
    served = node.certificates(setup.place)
    dialled = endpoint.parse(setup.settings.endpoint)
    return certificate.problem(served, dialled, document.now()) is None


# --- wallet


def have_wallet(setup: Setup, say: Say) -> None:
    """Make a wallet of a seed that its owner has, if there is none, and wait until lnd serves with it.

    The wallet may be made by this run or by an earlier one that was interrupted, or its maker is unknown. It is
    accepted once lnd has been started with a configuration with which it makes no wallet, and either opens its wallet
    with this machine's password or ends. Anybody else who made one, while he could reach lnd, chose another password,
    because he does not know ours; and with ours a wallet is only ever made of the seed that is kept here until then. An
    answer to InitWallet proves less: of two calls at the same time lnd uses one, and reports success to both (lnd,
    walletunlocker/service.go).

    Raises:
        Refused: the wallet is somebody else's. Nothing was granted, and the seed is kept.
    """
    under_way = pending.read(setup.host)
    with closing(_start(setup, under_way, say)) as client:
        if state.read_state(client) == "NON_EXISTING":
            _make(setup, client, under_way)
        node.serves(client)
    _configure_lnd(setup, has_wallet=True)
    with closing(_started(setup)):
        pass
    _let_in(setup, provider=True)
    # Only now: until lnd has served, a wallet that was interrupted is made again from this seed.
    pending.forget(setup.host)


def _start(setup: Setup, under_way: pending.Pending | None, say: Say) -> Client:
    """Start lnd; return a connection once it has no wallet or serves. An interrupted wallet is set aside, if its seed
    is at hand.
    """
    try:
        return _started(setup)
    except (UnitError, WaitTimeout):
        if under_way is None or not under_way.confirmed or not setup.place.wallet(setup.network).exists():
            raise
    say(
        f"lnd was cut off while it made the wallet. What there was of it is now {setup.host.set_aside()}; the same"
        " seed is used again."
    )
    _configure_lnd(setup, has_wallet=False)
    return _started(setup)


def _started(setup: Setup) -> Client:
    try:
        setup.host.run_lnd()
    except UnitError as error:
        if wallet.MASTER_KEY_ERROR_TEXT not in str(error):
            raise
        # It would try again and again, at all addresses.
        setup.host.stop_lnd()
        raise wallet.not_ours(
            "lnd is stopped, nothing was granted, and nothing else was changed",
            "See who could reach this machine's port 10009. Then remove all that lnd has: rm -r"
            f" {setup.place.lnddir}/data, and {_again(setup)}",
        ) from error
    client = node.started(setup.place, setup.network)
    try:
        if state.read_state(client) != "NON_EXISTING":
            node.serves(client)
    except BaseException:
        client.close()
        raise
    return client


def _again(setup: Setup) -> str:
    kept = setup.place.pending_seed.exists()
    return (
        "run signer-init again, which continues with your seed"
        if kept
        else "bring the seed that you wrote down: signer-init --bring-seed"
    )


def _make(setup: Setup, client: Client, under_way: pending.Pending | None) -> None:
    """Make the wallet of the seed that is under way, or of a new or a brought one."""
    place = setup.place
    if under_way is None and place.birthday.exists() and not setup.bring_seed:
        raise Refused(
            "This signer has had a wallet, and it is gone. A new seed would be another node. Nothing was changed",
            "Bring the seed that you wrote down: signer-init --bring-seed",
        )
    fault = ""
    while True:
        pending_seed = under_way or (_brought(setup, fault) if setup.bring_seed else _new(setup, client))
        if not pending_seed.confirmed:
            pending_seed = _hand_over(setup, pending_seed, again=under_way is not None)
        files.write_file(str(place.birthday), f"{pending_seed.birthday}\n".encode(), 0o644)
        way = node.how(setup.host.password())
        try:
            wallet.make(
                client, way, list(pending_seed.words), wallet_password=way.password.read(), aezeed_passphrase=b""
            )
        except LightningError as error:
            if not pending_seed.brought or state.read_state(client) != "NON_EXISTING":
                raise
            # The words are no seed.
            pending.forget(setup.host)
            place.birthday.unlink()
            if setup.terminal is None:
                raise
            fault, under_way = str(error), None
            continue
        # A grant of an earlier wallet is worthless: its root key was with that.
        place.macaroon.unlink(missing_ok=True)
        return


def _new(setup: Setup, client: Client) -> pending.Pending:
    words = tuple(client.call("lnrpc.WalletUnlocker/GenSeed").cipher_seed_mnemonic)
    fresh = pending.Pending(words=words, network=setup.network, birthday=int(document.now().timestamp()))
    pending.keep(setup.host, fresh)
    return fresh


def _brought(setup: Setup, fault: str) -> pending.Pending:
    words, birthday = ceremony.take(t.cast("Terminal", setup.terminal), setup.network, fault)
    brought = pending.Pending(words=words, network=setup.network, birthday=birthday, confirmed=True, brought=True)
    pending.keep(setup.host, brought)
    return brought


def _hand_over(setup: Setup, pending_seed: pending.Pending, again: bool) -> pending.Pending:
    """Hand the seed to its owner, encrypted or on the terminal, and note that."""
    if setup.settings.seed_recipient:
        seed.hand_over(
            list(pending_seed.words),
            setup.settings.seed_recipient,
            str(setup.place.encrypted_seed),
            pending_seed.network,
            pending_seed.birthday,
        )
    else:
        ceremony.hand_over(t.cast("Terminal", setup.terminal), pending_seed.words, again)
    return pending.confirm(setup.host, pending_seed)


# --- bundle


def have_bundle(setup: Setup) -> dict[str, t.Any]:
    """Make the provider's grant and the bundle with it; return the bundle's part that may be shown, and the node's
    id."""
    place, settings = setup.place, setup.settings
    wanted = node.granted(place, settings)
    desired = bundle_file.WantedBundle(
        path=str(place.bundle),
        network=setup.network,
        kit_file=str(place.kit),
        endpoint=settings.endpoint,
        certificate_file=str(place.certificate),
        macaroon_file=str(place.macaroon),
        birthday_file=str(place.birthday),
        signing_key_file=str(place.signing_key),
        close_address=settings.close_address or None,
        valid_for=settings.bundle_valid_for,
    )
    with closing(node.connect(place, setup.network)) as client:
        present = macaroon_file.read_present(client, wanted)
        _not_revoked(wanted, present)
        for action in _planned(wanted, present).actions:
            macaroon_file.apply_baking(client, action, wanted)
        offer = bundle_file.read_offer(client, desired, document.now())
        for action in bundle_file.plan_offer(offer).actions:
            bundle_file.apply_offer(action, desired)
    return {
        **bundle_file.shown(offer.outside),
        "node_id": offer.content["node_id"],
        "endpoint": offer.content["endpoint"],
    }


def _planned(desired: macaroon_file.WantedMacaroon, present: macaroon_file.MacaroonState) -> Plan:
    """Return the plan for the grant; a refusal names the command with which the tenant can make a grant
    nevertheless."""
    try:
        return macaroon_file.plan_present(desired, present)
    except Refused as error:
        number = macaroon_file.newest(desired, present).root_key_id + 1
        raise Refused(
            error.what, f"{error.cure}. Set the other root key: signer-init --root-key-id {number}"
        ) from error


def _not_revoked(desired: macaroon_file.WantedMacaroon, present: macaroon_file.MacaroonState) -> None:
    """Refuse to make a grant again that the tenant has revoked."""
    if macaroon_file.standing(desired, present) == macaroon_file.REVOKED:
        number = macaroon_file.newest(desired, present).root_key_id
        raise Refused(
            f"The grant {number} was revoked on this signer, and is not granted again unless you ask for it. Nothing"
            " was changed",
            f"To let the provider sign again, run signer-init --root-key-id {number + 1}, and hand over the new bundle",
        )
