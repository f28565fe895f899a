"""What the steps about adapters share: finding one by its MAC address, and saying why not."""

from __future__ import annotations

from dataclasses import dataclass, replace

from runbook_lib.commands import network
from runbook_lib.commands.network import Adapter
from runbook_lib.steps.step import Blocked, Reads
from runbook_lib.topology.models import Topology


@dataclass(frozen=True)
class Wished:
    """One node's adapter on one network, as the parameter file wants it.

    of_cluster: addresses that the cluster service brings online there, on whichever node owns
    them; none of the adapter's own.
    """

    node: str
    network: str
    connection: str
    mac: str
    address: str
    mask: str
    of_cluster: tuple[str, ...] = ()


@dataclass(frozen=True)
class OnOneAdapter:
    """What every step about one adapter is made of; `plan` gets it as `seen`."""

    wished: Wished

    @property
    def node(self) -> str:
        """Return the node's name."""
        return self.wished.node

    def reads(self) -> Reads:
        """Return the question: the adapter."""
        return {"seen": network.adapter(self.wished.mac)}


@dataclass(frozen=True)
class OnBothAdapters:
    """What every step about both adapters of a node is made of."""

    public: Wished
    private: Wished

    @property
    def node(self) -> str:
        """Return the node's name."""
        return self.public.node

    def reads(self) -> Reads:
        """Return the question: both adapters."""
        return {
            "public": network.adapter(self.public.mac),
            "private": network.adapter(self.private.mac),
        }


def public(topology: Topology) -> tuple[Wished, ...]:
    """Return both nodes' adapters on the public network, node 1 first."""
    wish = topology.networks.public
    return tuple(
        Wished(
            node.name,
            "public",
            wish.connection,
            node.public.mac,
            node.public.address,
            wish.mask,
            (topology.cluster.address, topology.mailbox_server.address),
        )
        for node in topology.nodes
    )


def private(topology: Topology) -> tuple[Wished, ...]:
    """Return both nodes' adapters on the private network, node 1 first."""
    wish = topology.networks.private
    return tuple(
        Wished(
            node.name,
            "private",
            wish.connection,
            node.private.mac,
            node.private.address,
            wish.mask,
        )
        for node in topology.nodes
    )


def known(adapter: Adapter | None, wished: Wished) -> Adapter | Blocked:
    """Return the adapter, or why it cannot be found."""
    if adapter is not None:
        return adapter
    return Blocked(
        f"no adapter has the MAC address {wished.mac}",
        f"run `scc-runbook doctor` with the parameter file and copy the MAC address of the "
        f"{wished.network} adapter of {wished.node} into it",
    )


def usable(adapter: Adapter | None, wished: Wished) -> Adapter | Blocked:
    """Return the adapter, or why it cannot be configured now.

    Without a link Windows answers most set methods with 84, so that is told beforehand.
    """
    found = known(adapter, wished)
    if isinstance(found, Blocked) or found.ip_enabled:
        return found
    return Blocked(
        f"{found.connection} ({wished.mac}) has no link: {found.status}",
        f"connect the cable of {found.connection} on {wished.node} (a switch, not a "
        "crossover cable), or enable the adapter",
    )


def own(adapter: Adapter, wished: Wished) -> Adapter:
    """Return the adapter without the addresses that the cluster service brought online on it."""
    if not set(adapter.addresses) & set(wished.of_cluster):
        return adapter
    pairs = zip(adapter.addresses, adapter.masks, strict=False)
    kept = [pair for pair in pairs if pair[0] not in wished.of_cluster]
    return replace(
        adapter,
        addresses=tuple(address for address, _ in kept),
        masks=tuple(mask for _, mask in kept),
    )


def with_masks(adapter: Adapter) -> str:
    """Return the adapter's addresses as a reader sees them."""
    pairs = zip(adapter.addresses, adapter.masks, strict=False)
    shown = ", ".join(f"{address}/{mask}" for address, mask in pairs) or "none"
    return f"{shown} by DHCP" if adapter.dhcp_enabled else shown


def listed(values: tuple[str, ...], *, dhcp: bool = False) -> str:
    """Return a list of addresses as a reader sees it."""
    shown = ", ".join(values) or "none"
    return f"{shown} by DHCP" if dhcp and values else shown
