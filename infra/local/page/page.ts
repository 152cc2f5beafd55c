import { escaped } from './plot.ts';
import { style } from './style.ts';

/** A page of its own: no script, nothing from elsewhere. @param main HTML */
export function htmlPage(title: string, main: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
${main}
</main>
</body>
</html>
`;
}

export interface Figure {
  title: string;
  /** HTML; empty for none. */
  legend: string;
  svg: string;
  caption: string;
}

export function figure({ title, legend, svg, caption }: Figure): string {
  const key = legend === '' ? '' : `<div class="legend">${legend}</div>`;
  return `<figure><h2>${title}</h2>${key}${svg}<figcaption>${caption}</figcaption></figure>`;
}

/** @param names of the kinds, by the class that colours them */
export function legendOf(names: Readonly<Record<string, string>>): string {
  return Object.entries(names)
    .map(([kind, name]) => `<span><i class="swatch ${kind}"></i>${escaped(name)}</span>`)
    .join('');
}
