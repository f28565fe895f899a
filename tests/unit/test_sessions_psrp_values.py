"""The quick reader of a node's objects gives what pypsrp's own gives, for whatever it reads."""

from __future__ import annotations

from typing import Any

import pytest
from pypsrp.complex_objects import GenericComplexObject
from pypsrp.serializer import Serializer

from runbook_lib.sessions.psrp_values import QuickSerializer

CUSTOM = (
    '<TN RefId="0"><T>Selected.System.Management.ManagementObject</T>'
    "<T>System.Management.Automation.PSCustomObject</T><T>System.Object</T></TN>"
)
ARRAY_LIST = "<T>System.Collections.ArrayList</T><T>System.Object</T>"
PLAIN = (
    '<S N="t">a_x000A_b &lt;&#228;&gt; _xD83D__xDE00_</S><S N="e"></S><Nil N="n"/><B N="b">true</B>'
    '<B N="f">false</B><I32 N="i">-7</I32><I64 N="l">5000000000</I64><U32 N="u">9</U32>'
    '<G N="g">00000000-0000-0000-0000-000000000001</G><Version N="v">2.0</Version>'
    '<DT N="d">2026-11-23T09:00:00</DT><Db N="x">1.5</Db><BA N="a">AQI=</BA>'
)
LISTS = (
    f'<Obj N="many" RefId="1"><TN RefId="1">{ARRAY_LIST}</TN><LST><S>x</S><I32>1</I32><Nil/></LST>'
    '</Obj><Obj N="again" RefId="2"><TNRef RefId="1"/><LST><S>y</S></LST></Obj>'
    '<Obj N="none" RefId="3"><TNRef RefId="1"/><LST/></Obj><Ref N="same" RefId="1"/>'
    '<Obj N="words" RefId="4"><TN RefId="2"><T>System.String[]</T><T>System.Array</T>'
    "<T>System.Object</T></TN><LST><S>z</S></LST></Obj>"
    '<Obj N="table" RefId="5"><TN RefId="3"><T>System.Collections.Hashtable</T>'
    '<T>System.Object</T></TN><DCT><En><S N="Key">k</S><I32 N="Value">3</I32></En></DCT></Obj>'
    '<Obj N="inner" RefId="6"><TNRef RefId="0"/><ToString>@{}</ToString><MS><S N="p">q</S></MS>'
    "</Obj>"
)
READABLE = {
    "plain values": f'<Obj RefId="0">{CUSTOM}<MS>{PLAIN}</MS></Obj>',
    "lists, tables, references": f'<Obj RefId="0">{CUSTOM}<MS>{LISTS}</MS></Obj>',
    "adapted beside added": f'<Obj RefId="0">{CUSTOM}<Props>{PLAIN}</Props><MS>{LISTS}</MS></Obj>',
    "a list alone": f'<Obj RefId="0"><TN RefId="0">{ARRAY_LIST}</TN><LST><S>x</S></LST></Obj>',
    "no types": '<Obj RefId="0"><MS><S N="a">b</S></MS></Obj>',
    "a type nobody knows": '<Obj RefId="0"><TN RefId="0"><T>Some.Type</T></TN><S>b</S></Obj>',
    "text": "<S>one</S>",
    "number": "<I32>12</I32>",
    "nothing": "<Nil/>",
    "no XML": "<S>one",
}
BROKEN = {
    "no number": "<I32>twelve</I32>",
    "an empty number": "<I32></I32>",
    "a truth without text": f'<Obj RefId="0">{CUSTOM}<MS><B N="b"/></MS></Obj>',
    "a property without name": f'<Obj RefId="0">{CUSTOM}<MS><S>b</S></MS></Obj>',
    "types never told": '<Obj RefId="0"><TNRef RefId="9"/><MS/></Obj>',
    "a reference to nothing": f'<Obj RefId="0">{CUSTOM}<MS><Ref N="r" RefId="7"/></MS></Obj>',
    "an object without number": f"<Obj>{CUSTOM}<MS/></Obj>",
}


def told(value: Any) -> Any:
    if isinstance(value, GenericComplexObject):
        adapted, extended = value.adapted_properties, value.extended_properties
        return (
            list(value.types),
            value.to_string,
            {name: told(item) for name, item in adapted.items()},
            {name: told(item) for name, item in extended.items()},
        )
    if isinstance(value, list):
        return [told(item) for item in value]
    return value


@pytest.mark.parametrize("text", READABLE.values(), ids=READABLE)
def test_reads_what_pypsrp_reads(text: str) -> None:
    quick = QuickSerializer()

    # Twice: what one answer defines, the next does not know.
    assert [told(quick.deserialize(text)) for _ in range(2)] == [
        told(Serializer().deserialize(text)) for _ in range(2)
    ]


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_fails_as_pypsrp_fails(text: str) -> None:
    with pytest.raises(Exception) as theirs:  # noqa: PT011 - whatever it is
        Serializer().deserialize(text)

    with pytest.raises(theirs.type):
        QuickSerializer().deserialize(text)


def test_two_references_are_one_list() -> None:
    found = QuickSerializer().deserialize(READABLE["lists, tables, references"])

    assert found.extended_properties["same"] is found.extended_properties["many"]
