"""What a person does in Add or Remove Windows Components, and to the files it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from runbook_lib.lab.world import optional_components
from runbook_lib.lab.world import registry_places as places
from runbook_lib.lab.world.windows_node import WindowsNode


def install_component(node: WindowsNode, arguments: Mapping[str, object]) -> None:
    """Tick a component; its files come from wherever the person finds them."""
    optional_components.switch(node, {_component(node, arguments): True})


def remove_component(node: WindowsNode, arguments: Mapping[str, object]) -> None:
    """Untick a component."""
    optional_components.switch(node, {_component(node, arguments): False})


def remove_installation_files(node: WindowsNode, _arguments: Mapping[str, object]) -> None:
    """Delete the copy of the Windows disc, as a clean-up of the disk would."""
    folder = rf"{node.registry.text(places.SETUP, 'SourcePath')}\{optional_components.FOLDER}"
    before = node.files.is_folder(folder)
    if before:
        node.files.remove_folder(folder)
    node.changed(f"folder {folder}", before, after=False)


def copy_installation_files(node: WindowsNode, _arguments: Mapping[str, object]) -> None:
    """Copy the Windows disc to where Windows looks for it."""
    folder = rf"{node.registry.text(places.SETUP, 'SourcePath')}\{optional_components.FOLDER}"
    before = node.files.is_folder(folder)
    node.files.make_folder(folder)
    node.changed(f"folder {folder}", before, after=True)


def _component(node: WindowsNode, arguments: Mapping[str, object]) -> str:
    name = str(arguments.get("component") or "")
    if not node.is_on or not optional_components.is_known(node, name):
        raise ValueError(f"{node.name} is off, or has no component {name!r}")
    return name


ACTS: Mapping[str, Callable[[WindowsNode, Mapping[str, object]], None]] = MappingProxyType(
    {
        "install-component": install_component,
        "remove-component": remove_component,
        "remove-installation-files": remove_installation_files,
        "copy-installation-files": copy_installation_files,
    }
)
