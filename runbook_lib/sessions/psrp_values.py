"""Reading a node's objects without the detours of pypsrp's own reader.

pypsrp writes every element of an answer out as XML again before it reads it, and builds its table
of .NET types for each object: half of what a phase costs the controller. The three forms that
nearly every answer is made of are read here as pypsrp reads them; all others are left to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element, ParseError, fromstring

from pypsrp.complex_objects import GenericComplexObject, ListMeta, ObjectMeta
from pypsrp.powershell import RunspacePool
from pypsrp.serializer import Serializer

CUSTOM_OBJECT = "System.Management.Automation.PSCustomObject"
LIST = "System.Collections.ArrayList"

_PLAIN: dict[str, Callable[[str], Any]] = {
    "B": lambda text: text.lower() == "true",
    "I32": int,
    "I64": int,
    "U32": int,
    "U64": int,
}
_TEXTS = frozenset({"S", "ToString"})


class QuickSerializer(Serializer):
    """pypsrp's own, but for reading texts, numbers, and the objects and lists that hold them."""

    def deserialize(
        self,
        element: Element | str,
        metadata: ObjectMeta | None = None,
        clear: bool = True,  # noqa: FBT001, FBT002 - as pypsrp calls it
    ) -> Any:
        """Return the value of an element, as pypsrp's own reader does."""
        if metadata is not None and not _is_open(metadata):
            return super().deserialize(element, metadata, clear)
        if clear:
            self._clear()
        try:
            # A document type was refused before.
            found = fromstring(element) if isinstance(element, str) else element  # noqa: S314
        except ParseError:
            return super().deserialize(element, metadata, clear)
        if found.tag in _TEXTS:
            return self._deserialize_string(found.text)
        if found.tag == "Nil":
            return None
        if found.tag in _PLAIN and found.text is not None:
            return _PLAIN[found.tag](found.text)
        kinds = self._get_types_from_obj(found) if found.tag == "Obj" else []
        if CUSTOM_OBJECT in kinds:
            meta = ObjectMeta("ObjDynamic", object=GenericComplexObject)
            return self._deserialize_dynamic_obj(found, meta)
        if kinds[:1] == [LIST]:
            items = self._deserialize_lst(found, ListMeta())
            self.obj[found.attrib["RefId"]] = items
            return items
        return super().deserialize(element, metadata, clear=False)


def _is_open(metadata: ObjectMeta) -> bool:
    """Tell whether pypsrp would look at the object's types."""
    return type(metadata) is ObjectMeta and metadata.object is None


def read_quickly(pool: RunspacePool) -> None:
    """Let a pool that is not open yet read what its node answers by QuickSerializer."""
    serializer = QuickSerializer()
    pool._serializer = serializer  # noqa: SLF001 - pypsrp has no way to give one
    pool._fragmenter.serializer = serializer  # noqa: SLF001
