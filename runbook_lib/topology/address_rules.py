"""What must hold between addresses, masks and network cards."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.topology.addresses import Subnet, number, special_range
from runbook_lib.topology.faults import Fault
from runbook_lib.topology.leaves import Leaves

PUBLIC_MASK = "networks.public.mask"
PRIVATE_MASK = "networks.private.mask"
GATEWAY = "networks.public.gateway"
CONTROLLER = "domain.controller.address"
PUBLIC_NODES = ("nodes[0].public.address", "nodes[1].public.address")
PRIVATE_NODES = ("nodes[0].private.address", "nodes[1].private.address")
IN_PUBLIC = (*PUBLIC_NODES, GATEWAY, "cluster.address", "mailbox_server.address")
CARDS = tuple(f"nodes[{n}].{network}.mac" for n in (0, 1) for network in ("public", "private"))


def addresses_are_their_owners_alone(leaves: Leaves) -> Iterator[Fault]:
    """No address stands twice; the domain controller may be a DNS server, as it mostly is (F1)."""
    owners: dict[str, str] = {}
    for path, address in leaves.some(_all_paths(leaves)).items():
        owner = owners.setdefault(address, path)
        if owner != path and not (owner == CONTROLLER and _is_dns(path)):
            wanted = "an address of its own"
            if _is_dns(path) and owner in PUBLIC_NODES + PRIVATE_NODES:
                wanted = "a DNS server that is no node of the cluster"
            yield leaves.fault(path, f"the address of {leaves.named(owner)}", wanted)


def addresses_can_be_a_servers(leaves: Leaves) -> Iterator[Fault]:
    """No address is out of a special range, or one of the two ends of its network (F2)."""
    networks = [one for one in (public_network(leaves), private_network(leaves)) if one]
    for path, address in leaves.some(_all_paths(leaves)).items():
        special = special_range(address)
        if special:
            yield leaves.fault(path, f"out of {special}", "an address that a server can have")
            continue
        for network in networks:
            end = {network.first: "network", network.last: "broadcast"}.get(number(address))
            if end:
                why = f"the {end} address of {network}"
                yield leaves.fault(path, why, f"an address from {network.usable}")
                break


def public_addresses_are_in_the_public_network(leaves: Leaves) -> Iterator[Fault]:
    """Nodes, gateway, cluster and mailbox server are neighbours (F3)."""
    yield from _outside(leaves, public_network(leaves), IN_PUBLIC)


def private_addresses_are_in_the_private_network(leaves: Leaves) -> Iterator[Fault]:
    """Both ends of the heartbeat are neighbours."""
    yield from _outside(leaves, private_network(leaves), PRIVATE_NODES)


def networks_are_apart(leaves: Leaves) -> Iterator[Fault]:
    """The private network shares no address with the public one, nor with servers (F4)."""
    public, private = public_network(leaves), private_network(leaves)
    if private is None:
        return
    if public is not None and private.overlaps(public):
        why = f"so that {private} overlaps the public network {public}"
        path = next(iter(_usable(leaves, PRIVATE_NODES)))
        yield leaves.fault(path, why, "two networks without a common address")
        return
    for path, address in leaves.some((CONTROLLER, *_dns(leaves))).items():
        if private.holds(address):
            why = f"out of the private network {private}"
            yield leaves.fault(path, why, "an address that is reached over the public network")


def cards_are_four(leaves: Leaves) -> Iterator[Fault]:
    """No network card stands twice; cards are found by these addresses."""
    owners: dict[str, str] = {}
    for path, mac in leaves.some(CARDS).items():
        owner = owners.setdefault(mac, path)
        if owner != path:
            yield leaves.fault(path, f"the card of {leaves.named(owner)}", "a card of its own")


def public_network(leaves: Leaves) -> Subnet | None:
    """Return the public network, around the first node that has a usable address."""
    return _network(leaves, PUBLIC_NODES, PUBLIC_MASK)


def private_network(leaves: Leaves) -> Subnet | None:
    """Return the private network, in the same way."""
    return _network(leaves, PRIVATE_NODES, PRIVATE_MASK)


def _network(leaves: Leaves, nodes: tuple[str, ...], mask_path: str) -> Subnet | None:
    mask = leaves.get(mask_path)
    address = next(iter(_usable(leaves, nodes).values()), None)
    return Subnet.around(address, mask) if mask and address else None


def _usable(leaves: Leaves, paths: tuple[str, ...]) -> dict[str, str]:
    found = leaves.some(paths)
    return {path: address for path, address in found.items() if not special_range(address)}


def _outside(leaves: Leaves, network: Subnet | None, paths: tuple[str, ...]) -> Iterator[Fault]:
    if network is None:
        return
    for path, address in _usable(leaves, paths).items():
        if not network.holds(address):
            why = f"outside {network}"
            yield leaves.fault(path, why, f"an address from {network.usable}")


def _dns(leaves: Leaves) -> list[str]:
    return leaves.items("networks.public.dns")


def _is_dns(path: str) -> bool:
    return path.startswith("networks.public.dns[")


def _all_paths(leaves: Leaves) -> tuple[str, ...]:
    """Return every address's path; the controller before the DNS servers, which may be it."""
    return (*PUBLIC_NODES, *PRIVATE_NODES, *IN_PUBLIC[2:], CONTROLLER, *_dns(leaves))
