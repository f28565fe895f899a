"""The colours and faces of drawings, in light, dark and print."""

from __future__ import annotations

LIGHT = """\
--rb-bg:#fff;--rb-card:#f6f8fa;--rb-line:#d0d7de;--rb-text:#1f2328;--rb-soft:#59636e;
--rb-net0:#0969da;--rb-net1:#0e7c86;--rb-net2:#9a6700;--rb-net3:#bf3989;
--rb-ok:#1a7f37;--rb-bad:#cf222e;--rb-new:#8250df;--rb-new-bg:#f3ecff"""
DARK = """\
--rb-bg:#0d1117;--rb-card:#161b22;--rb-line:#3d444d;
--rb-text:#e6edf3;--rb-soft:#9198a1;--rb-net0:#58a6ff;--rb-net1:#39c5cf;--rb-net2:#d29922;
--rb-net3:#f778ba;--rb-ok:#3fb950;--rb-bad:#f85149;--rb-new:#c297ff;--rb-new-bg:#2b2140"""
"""The two palettes, for whoever knows better than the reader's system which one is wanted."""

STYLE = (
    f"""\
.rb-pic{{{LIGHT};
font-family:system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif}}
@media (prefers-color-scheme:dark){{.rb-pic{{{DARK}}}}}
"""
    """\
@media print{.rb-pic{--rb-bg:#fff;--rb-card:#fff;--rb-line:#999;--rb-text:#000;--rb-soft:#444;
--rb-net0:#0550ae;--rb-net1:#0b5f66;--rb-ok:#116329;--rb-bad:#a40e26;--rb-new:#6639ba;
--rb-new-bg:#f3ecff}}
.rb-bg{fill:var(--rb-bg)}.rb-card{fill:var(--rb-card);stroke:var(--rb-line)}
.rb-rule{stroke:var(--rb-line)}.rb-pic text{fill:var(--rb-text);font-size:12px}
.rb-pic .rb-title{font-size:15px;font-weight:600}.rb-pic .rb-name{font-size:15px;font-weight:600}
.rb-pic .rb-conn{font-size:13px;font-weight:600}
.rb-pic .rb-mono{font-family:ui-monospace,"Cascadia Mono",Consolas,"DejaVu Sans Mono",monospace}
.rb-pic .rb-soft{fill:var(--rb-soft)}.rb-pic .rb-small{font-size:11px}
.rb-pic .rb-end{text-anchor:end}.rb-pic .rb-mid{text-anchor:middle}
.rb-pic text.rb-new,.rb-pic tspan.rb-new{fill:var(--rb-new)}.rb-pic tspan.rb-new{font-weight:600}
.rb-chip{fill:none;stroke:var(--rb-line)}.rb-chip.rb-new{stroke:var(--rb-new);fill:var(--rb-new-bg)}
.rb-pic .rb-chip-text{font-size:9.5px}
.rb-on{fill:var(--rb-text);stroke:var(--rb-text)}.rb-off{fill:none;stroke:var(--rb-soft)}
.rb-on.rb-new{fill:var(--rb-new);stroke:var(--rb-new)}.rb-off.rb-new{stroke:var(--rb-new)}
.rb-ok{fill:var(--rb-ok);stroke:var(--rb-ok)}.rb-bad{fill:none;stroke:var(--rb-bad)}
.rb-wire{fill:none;stroke-width:2.5}.rb-cut{stroke-dasharray:4 5}
.rb-net{fill:var(--rb-bg);stroke-width:2}
.rb-k0{stroke:var(--rb-net0)}.rb-k1{stroke:var(--rb-net1)}
.rb-k2{stroke:var(--rb-net2)}.rb-k3{stroke:var(--rb-net3)}
.rb-pic text.rb-t0{fill:var(--rb-net0)}.rb-pic text.rb-t1{fill:var(--rb-net1)}
.rb-pic text.rb-t2{fill:var(--rb-net2)}.rb-pic text.rb-t3{fill:var(--rb-net3)}
.rb-disk{fill:var(--rb-card);stroke:var(--rb-soft);stroke-width:1.5}
.rb-disk-wire{stroke:var(--rb-soft)}.rb-disk-wire.rb-cut{stroke-width:1.2}
.rb-disk-wire.rb-owned{stroke:var(--rb-ok)}
.rb-sleep{opacity:.7}
"""
)
"""The drawing's style; a page that holds drawings puts it into its own style sheet once."""
