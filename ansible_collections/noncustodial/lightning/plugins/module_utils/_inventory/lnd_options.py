# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of lnd's configuration file, by the kind of value that lnd takes: those that lnd --help lists, each tried
with a value of no kind. lnd does not start with a value of another kind.
"""

from __future__ import annotations

VERSION = "0.21.3-beta"

_SWITCHES = """
    accept-amp accept-keysend accept-positive-inbound-fees allow-circular-route autopilot.active autopilot.private
    bitcoin.mainnet bitcoin.regtest bitcoin.signet bitcoin.simnet bitcoin.testnet bitcoin.testnet4
    bitcoind.rpcpolling cluster.enable-leader-election db.bolt.auto-compact db.bolt.nofreelistsync
    db.etcd.disabletls db.etcd.embedded db.no-gc-decayed-log db.no-graph-cache db.no-rev-log-amt-data
    db.postgres.channeldb-with-global-lock db.postgres.skipmigrations db.postgres.walletdb-with-global-lock
    db.prune-revocation db.skip-native-sql-migration db.sqlite.skipmigrations db.sync-graph-cache-load
    db.use-native-sql dry-run-migration enable-upfront-shutdown gc-canceled-invoices-on-startup
    gc-canceled-invoices-on-the-fly grpc.client-allow-ping-without-stream height-hint-cache-query-disable
    ignore-historical-gossip-filters keep-failed-payment-attempts logging.console.disable
    logging.console.no-timestamps logging.file.disable logging.file.no-timestamps logging.no-commit-hash nat
    neutrino.persistfilters neutrino.validatechannels no-backup-archive no-disconnect-on-pong-failure no-macaroons
    no-rest-tls nobootstrap nolisten norest noseedbackup prometheus.enable prometheus.perfhistograms
    protocol.no-anchors protocol.no-any-segwit protocol.no-experimental-accountability protocol.no-onion-messages
    protocol.no-route-blinding protocol.no-script-enforced-lease protocol.no-timestamp-query-option
    protocol.onion-msg-relay-all protocol.option-scid-alias protocol.rbf-coop-close protocol.simple-taproot-chans
    protocol.simple-taproot-overlay-chans protocol.wumbo-channels protocol.zero-conf rejecthtlc rejectpush
    remotesigner.enable remotesigner.migrate-wallet-to-watch-only requireinterceptor reset-wallet-transactions
    routerrpc.usestatusinitiated routing.strictgraphpruning rpcmiddleware.enable stagger-initial-reconnect
    store-final-htlc-resolutions sync-freelist tlsautorefresh tlsdisableautofill tlsencryptkey tor.active
    tor.encryptkey tor.skip-proxy-for-clearnet-targets tor.streamisolation tor.v3 unsafe-replay version
    wallet-unlock-allow-create watchtower.active wtclient.active
"""
_WHOLE_NUMBERS = """
    autopilot.maxchannels autopilot.maxchansize autopilot.minchansize autopilot.minconfs bitcoin.defaultchanconfs
    bitcoin.defaultremotedelay bitcoind.pruned-node-max-peers caches.channel-cache-size caches.reject-cache-size
    cluster.leader-session-ttl db.postgres.maxconnections db.sqlite.maxconnections fwd-history-delete-batch-size
    gossip.filter-concurrency gossip.max-channel-update-burst healthcheck.chainbackend.attempts
    healthcheck.diskspace.attempts healthcheck.leader.attempts healthcheck.remotesigner.attempts
    healthcheck.tls.attempts healthcheck.torconnection.attempts logging.file.max-file-size logging.file.max-files
    maxchansize maxpendingchannels minchansize neutrino.maxpeers numgraphsyncpeers pprof.blockingprofile
    pprof.mutexprofile routerrpc.attemptcost routerrpc.attemptcostppm routerrpc.bimodal.scale
    routerrpc.maxmchistory sweeper.budget.anchorcpfp sweeper.budget.deadlinehtlc sweeper.budget.nodeadlinehtlc
    sweeper.budget.tolocal sweeper.maxfeerate trickledelay workers.read workers.sig workers.write
"""
_NATURAL_NUMBERS = """
    autopilot.conftarget bitcoin.basefee bitcoin.feerate bitcoin.maxlocaldelay bitcoin.minhtlc bitcoin.minhtlcout
    bitcoin.timelockdelta blockcachesize channel-commit-batch-size channel-max-fee-exposure
    coop-close-target-confs db.postgres.query.max-batch-size db.postgres.query.max-page-size
    db.sqlite.query.max-batch-size db.sqlite.query.max-page-size default-remote-max-htlcs gossip.announcement-conf
    gossip.ban-threshold gossip.msg-burst-bytes gossip.msg-rate-bytes gossip.peer-msg-rate-bytes
    invoices.holdexpirydelta max-cltv-expiry max-commit-fee-rate-anchors neutrino.banthreshold
    num-restricted-slots protocol.custom-init protocol.custom-invoice protocol.custom-message
    protocol.custom-nodeann protocol.onion-msg-global-burst-bytes protocol.onion-msg-global-kbps
    protocol.onion-msg-peer-burst-bytes protocol.onion-msg-peer-kbps routing.blinding.max-num-paths
    routing.blinding.min-num-real-hops routing.blinding.num-hops sweeper.nodeadlineconftarget
    wtclient.max-tasks-in-mem-queue wtclient.max-updates wtclient.session-close-range wtclient.sweep-fee-rate
"""
_FRACTIONS = """
    autopilot.allocation healthcheck.diskspace.diskrequired max-channel-fee-allocation
    routerrpc.apriori.capacityfraction routerrpc.apriori.hopprob routerrpc.apriori.weight
    routerrpc.bimodal.nodeweight routerrpc.minrtprob routing.blinding.policy-decrease-multiplier
    routing.blinding.policy-increase-multiplier sweeper.budget.anchorcpfpratio sweeper.budget.deadlinehtlcratio
    sweeper.budget.nodeadlinehtlcratio sweeper.budget.tolocalratio
"""
_DURATIONS = """
    acceptortimeout bitcoind.blockpollinginterval bitcoind.txpollinginterval bitcoind.zmqreaddeadline
    caches.rpc-graph-cache-duration chan-disable-timeout chan-enable-timeout chan-status-sample-interval
    channel-commit-interval connectiontimeout db.batch-commit-interval db.bolt.auto-compact-min-age
    db.bolt.dbtimeout db.postgres.timeout db.sqlite.busytimeout db.sqlite.timeout fee.max-update-timeout
    fee.min-update-timeout gossip.channel-update-interval gossip.sub-batch-delay grpc.client-ping-min-wait
    grpc.server-ping-time grpc.server-ping-timeout healthcheck.chainbackend.backoff
    healthcheck.chainbackend.interval healthcheck.chainbackend.timeout healthcheck.diskspace.backoff
    healthcheck.diskspace.interval healthcheck.diskspace.timeout healthcheck.leader.backoff
    healthcheck.leader.interval healthcheck.leader.timeout healthcheck.remotesigner.backoff
    healthcheck.remotesigner.interval healthcheck.remotesigner.timeout healthcheck.tls.backoff
    healthcheck.tls.interval healthcheck.tls.timeout healthcheck.torconnection.backoff
    healthcheck.torconnection.interval healthcheck.torconnection.timeout historicalsyncinterval
    htlcswitch.mailboxdeliverytimeout htlcswitch.quiescencetimeout http-header-timeout keysend-hold-time
    maxbackoff minbackoff neutrino.banduration neutrino.broadcasttimeout payments-expiration-grace-period
    pending-commit-interval remotesigner.timeout routerrpc.apriori.penaltyhalflife routerrpc.bimodal.decaytime
    routerrpc.fee-estimation-timeout routerrpc.mcflushinterval rpcmiddleware.intercepttimeout tlscertduration
    watchtower.readtimeout watchtower.writetimeout ws-ping-interval ws-pong-wait
"""
_TEXTS = """
    addpeer address_remove adminmacaroonpath alias autopilot.heuristic backupfilepath bitcoin.chaindir
    bitcoin.dnsseed bitcoin.signetchallenge bitcoin.signetseednode bitcoind.config bitcoind.dir
    bitcoind.estimatemode bitcoind.rpccookie bitcoind.rpchost bitcoind.rpcpass bitcoind.rpcuser
    bitcoind.zmqpubrawblock bitcoind.zmqpubrawtx btcd.dir btcd.rawrpccert btcd.rpccert btcd.rpchost btcd.rpcpass
    btcd.rpcuser chainrpc.notifiermacaroonpath cluster.etcd-election-prefix cluster.id cluster.leader-elector
    color configfile datadir db.backend db.etcd.cert_file db.etcd.collect_stats db.etcd.embedded_client_port
    db.etcd.embedded_log_file db.etcd.embedded_peer_port db.etcd.host db.etcd.insecure_skip_verify
    db.etcd.key_file db.etcd.max_msg_size db.etcd.namespace db.etcd.pass db.etcd.user db.postgres.dsn
    db.sqlite.pragmaoptions debuglevel externalhosts externalip fee.url gossip.pinned-syncers invoicemacaroonpath
    letsencryptdir letsencryptdomain letsencryptlisten listen lnddir logdir neutrino.addpeer
    neutrino.assertfilterheader neutrino.blockheaderssource neutrino.connect neutrino.filterheaderssource
    neutrino.useragentname neutrino.useragentversion pprof.cpuprofile pprof.profile prometheus.listen
    readonlymacaroonpath remotesigner.macaroonpath remotesigner.rpchost remotesigner.tlscertpath restcors
    restlisten routerrpc.routermacaroonpath rpclisten rpcmiddleware.addmandatory signrpc.signermacaroonpath
    sweeper.budget tlscertpath tlsextradomain tlsextraip tlskeypath tor.control tor.dns tor.password
    tor.privatekeypath tor.socks tor.targetipaddress tor.watchtowerkeypath upfront-shutdown-address
    wallet-unlock-password-file walletrpc.walletkitmacaroonpath watchtower.externalip watchtower.listen
    watchtower.towerdir
"""
CHOICES = {
    "bitcoin.node": ("btcd", "bitcoind", "neutrino", "nochainbackend"),
    "coin-selection-strategy": ("largest", "random"),
    "logging.console.call-site": ("off", "short", "long"),
    "logging.file.call-site": ("off", "short", "long"),
    "logging.file.compressor": ("gzip", "zstd"),
    "routerrpc.estimator": ("apriori", "bimodal"),
}
"""The options with few values."""

KINDS = {
    name: kind
    for kind, names in (
        ("switch", _SWITCHES),
        ("whole", _WHOLE_NUMBERS),
        ("natural", _NATURAL_NUMBERS),
        ("fraction", _FRACTIONS),
        ("duration", _DURATIONS),
        ("text", _TEXTS),
    )
    for name in names.split()
} | dict.fromkeys(CHOICES, "choice")
"""The kind of each option."""
