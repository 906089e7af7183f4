"""How the page looks: one style sheet, for screens from 320 pixels and for paper.

Put here: colours (contrast of text at least 4.5 to 1) and distances. Never here: an address of
another host, or a font that must be fetched.
"""

from __future__ import annotations

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; font: 1.0625rem/1.5 Arial, Helvetica, sans-serif; color: #0b0c0c; background: #fff; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.375rem; margin: 2rem 0 .75rem; }
h3 { font-size: 1.125rem; margin: 0 0 .5rem; }
.about { margin: 0; color: #484949; }
.skip { position: absolute; left: -999rem; }
.skip:focus { position: static; display: block; padding: .5rem; background: #ffdd00; color: #0b0c0c; }
.verdict { border-left: .5rem solid; padding: .75rem 1rem; margin: 0 0 1rem; background: #f3f2f1; }
.refused { border-color: #b10e1e; }
.accepted { border-color: #b58840; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: .5rem 1.5rem; margin: 0; }
dt { color: #484949; }
dd { margin: 0; font-weight: bold; }
ol.first { padding-left: 1.5rem; }
ol.first > li { margin-bottom: .75rem; }
.tag { display: inline-block; background: #b10e1e; color: #fff; padding: 0 .5rem; font-size: .9375rem; }
article { border: 1px solid #b1b4b6; border-left-width: .5rem; padding: 1rem; margin: 0 0 1rem; }
article.error { border-left-color: #b10e1e; }
article.warning { border-left-color: #b58840; }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 3px solid #0b0c0c; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
caption { text-align: left; font-weight: bold; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid #b1b4b6; }
th { overflow-wrap: normal; }
td.figure { white-space: nowrap; }
th[scope=row] { font-weight: normal; width: 30%; }
details { margin: 0 0 1.5rem; }
summary { cursor: pointer; text-decoration: underline; }
footer { border-top: 1px solid #b1b4b6; margin-top: 2rem; color: #484949; }
@media (max-width: 30rem) { main { padding: .75rem; } article { padding: .75rem; } h1 { font-size: 1.375rem; }
  dl { grid-template-columns: 1fr; } }
@media print { body { font-size: 10pt; } main { max-width: none; padding: 0; } article { break-inside: avoid; }
  .skip { display: none; } .scroll { overflow: visible; } .tag { border: 1px solid #b10e1e; color: #b10e1e;
  background: none; } }
"""
