/** Colours keep apart for eyes that do not tell red from green, on light and on dark. */
export const style = `
:root { --paper: #fbfbf9; --card: #ffffff; --ink: #1c2430; --quiet: #667080; --rule: #e6e7e4;
  --actual: #c3cad4; --actual-line: #1c2430; --mbg: #1864c4; --bg: #8a5bd0; --naive: #e0700a; --chance: #98a1ad;
  --back: #1864c4; --gone: #d5dae1; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #12161c; --card: #191f27; --ink: #e8ebef; --quiet: #97a1af; --rule: #2b333e;
    --actual: #465162; --actual-line: #e8ebef; --mbg: #62a8ff; --bg: #b795f2; --naive: #ff9b45; --chance: #6f7a89;
    --back: #62a8ff; --gone: #3a4453; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 940px; margin: 0 auto; padding: 48px 24px 72px; }
h1 { margin: 0 0 8px; font-size: 30px; letter-spacing: -0.02em; line-height: 1.2; }
h2 { margin: 0 0 6px; font-size: 17px; letter-spacing: -0.01em; }
.lead { margin: 0 0 6px; font-size: 19px; text-wrap: pretty; }
.quiet, figcaption { color: var(--quiet); font-size: 14px; }
.quiet { margin: 0; }
.scroll { overflow-x: auto; margin: 28px 0; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 8px 12px; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; }
thead th { color: var(--quiet); font-size: 13px; font-weight: 500; }
th:first-child { text-align: left; padding-left: 0; font-weight: 500; }
figure, .models { margin: 20px 0 0; padding: 20px 22px 16px; background: var(--card); border: 1px solid var(--rule); border-radius: 12px; }
figcaption { margin-top: 4px; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(340px, 1fr)); gap: 0 20px; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin-bottom: 8px; color: var(--quiet); font-size: 13px; }
.swatch { display: inline-block; width: 10px; height: 10px; margin-right: 7px; border-radius: 3px; background: var(--ink); }
.swatch.actual { background: var(--actual); box-shadow: inset 0 0 0 1px var(--actual-line); }
.swatch.mbg { background: var(--mbg); } .swatch.bg { background: var(--bg); } .swatch.naive { background: var(--naive); }
.swatch.chance { background: var(--chance); } .swatch.back { background: var(--back); } .swatch.gone { background: var(--gone); }
svg text { fill: var(--quiet); font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; }
svg .note { font-size: 11px; }
.grid { stroke: var(--rule); } .base { stroke: var(--quiet); stroke-opacity: 0.6; }
.cut { stroke: var(--quiet); stroke-dasharray: 3 4; }
.line { fill: none; stroke-width: 2.25; stroke-linejoin: round; stroke-linecap: round; }
.line.actual { stroke: var(--actual-line); } .line.mbg { stroke: var(--mbg); } .line.naive { stroke: var(--naive); }
.line.mbg { stroke-dasharray: 7 5; } .line.chance { stroke: var(--chance); stroke-dasharray: 2 5; }
.bar.actual { fill: var(--actual); } .bar.back { fill: var(--back); } .bar.gone { fill: var(--gone); }
.dot { stroke: var(--card); stroke-width: 1.5; }
.dot.mbg { fill: var(--mbg); } .dot.bg { fill: var(--bg); } .dot.naive { fill: var(--naive); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 8px 0 12px; font-size: 14px; font-variant-numeric: tabular-nums; }
dt { font-weight: 500; } dd { margin: 0; }
.line.step2 { stroke: var(--mbg); } .line.step3 { stroke: var(--bg); } .line.step4 { stroke: var(--naive); } .line.step5 { stroke: var(--chance); }
.swatch.step2 { background: var(--mbg); } .swatch.step3 { background: var(--bg); } .swatch.step4 { background: var(--naive); } .swatch.step5 { background: var(--chance); }
.swatch.open, .swatch.same { background: var(--chance); } .swatch.open { background: transparent; box-shadow: inset 0 0 0 1.5px var(--back); } .swatch.down { background: var(--naive); }
.between { fill: var(--mbg); fill-opacity: 0.1; }
svg .value { fill: var(--ink); font-weight: 500; }
.cell.back { fill: var(--back); } .cell.down { fill: var(--naive); } .cell.same { fill: var(--chance); } .cell.open { fill: var(--back); stroke: var(--back); stroke-dasharray: 2 2; }
.grid-of-cells text { font-size: 11px; font-variant-numeric: tabular-nums; } .grid-of-cells .strong { fill: var(--card); font-weight: 600; } .grid-of-cells .faint { fill: var(--ink); }
.foot { margin-top: 24px; }
@media print { body { background: #fff; } figure, .models { break-inside: avoid; } }
`;
