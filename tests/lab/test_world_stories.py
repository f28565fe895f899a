"""Whatever is done to a world in whatever order, some things always hold."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.lab.world.acts import ActError
from runbook_lib.lab.world.power import NodeIsDownError
from tests.builders import examples
from tests.lab_world import NODE_1, NODE_2, PRIVATE_1, PRIVATE_2, PUBLIC_1, PUBLIC_2, Site

LINKAGE = r"SYSTEM\CurrentControlSet\Services\LanmanServer\Linkage"
CARDS = {NODE_1: (PUBLIC_1, PRIVATE_1), NODE_2: (PUBLIC_2, PRIVATE_2)}
ADDRESSES = (
    "192.168.1.10",
    "192.168.1.11",
    "192.168.1.101",
    "10.10.10.1",
    "169.254.1.1",
    "nonsense",
)

Deed = Callable[[Site], object]

nodes = st.sampled_from([NODE_1, NODE_2])
places = nodes.flatmap(lambda node: st.tuples(st.just(node), st.sampled_from(CARDS[node])))


def _acts() -> st.SearchStrategy[Deed]:
    def act(name: str, place: tuple[str, str]) -> Deed:
        node, mac = place
        return lambda site: site.world.act(name, {"node": node, "mac": mac, "value": 1})

    names = [
        "unbind-file-sharing", "bind-file-sharing", "power-off", "power-on", "power-loss",
        "restart", "unplug", "plug", "set-netbios", "set-dns-registration", "set-lmhosts",
    ]  # fmt: skip
    return st.builds(act, st.sampled_from(names), places)


def _calls() -> st.SearchStrategy[Deed]:
    def static(place: tuple[str, str], address: str) -> Deed:
        arguments = {"IPAddress": [address], "SubnetMask": ["255.255.255.0"]}
        return lambda site: site.call("EnableStatic", arguments, place[1], place[0])

    def dhcp(place: tuple[str, str]) -> Deed:
        return lambda site: site.call("EnableDHCP", {}, place[1], place[0])

    def passing(seconds: int) -> Deed:
        return lambda site: site.pass_time(seconds)

    return st.one_of(
        st.builds(static, places, st.sampled_from(ADDRESSES)),
        st.builds(dhcp, places),
        st.builds(passing, st.integers(0, 60)),
    )


@examples(0.4)
@given(st.lists(_acts() | _calls(), max_size=12))
def test_a_world_is_the_same_after_saving_and_no_binding_is_ever_lost(story: list[Deed]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder))
        for deed in story:
            try:
                deed(site)
            except (ActError, NodeIsDownError):
                continue

        again = Site(Path(folder))
        state = site.world.state()

        assert again.world.state() == state
        assert again.world.ledger() == site.world.ledger()
        assert [each["seq"] for each in site.world.ledger()] == list(
            range(len(site.world.ledger()))
        )
        for name, node in state["nodes"].items():
            registry = node["registry"]
            disabled = registry.get(rf"{LINKAGE}\Disabled", {"Bind": []})
            assert len(registry[LINKAGE]["Bind"]) + len(disabled["Bind"]) == 3, name
            # Asking a node that is down lets time pass, so that it may be up right after.
            listening = site.world.is_listening(name)
            assert (site.world.state()["nodes"][name]["power"] == "on") is listening
