/** What a text may name. A template is data: these names are replaced, nothing in it is evaluated. */
export const placeholders = ['firstName', 'tier', 'shopName'] as const;
export type Placeholder = (typeof placeholders)[number];

export type Values = Record<Placeholder, string>;

const placeholder = /\{(\w+)\}/g;

/** Replaces `{firstName}` and the like in one pass, so that a value is never read as a template. */
export function render(template: string, values: Values): string {
  return template.replace(placeholder, (written, name: string) => (isPlaceholder(name) ? values[name] : written));
}

/** The names in a template that stand for nothing. */
export function unknownPlaceholders(template: string): string[] {
  return [...template.matchAll(placeholder)].map(([, name]) => name as string).filter((name) => !isPlaceholder(name));
}

function isPlaceholder(name: string): name is Placeholder {
  return (placeholders as readonly string[]).includes(name);
}

const properName = /^[\p{L}\p{M}][\p{L}\p{M}'’. -]{0,39}$/u;

/**
 * A first name as it may stand in a message; nothing where the text is no name. Anyone can type a first name at a
 * checkout together with another's address, so links and advertisements must not travel under the shop's name.
 */
export function showableName(text: string | undefined): string | undefined {
  const name = text?.normalize('NFC').trim().replace(/\s+/gu, ' ');
  if (!name || !properName.test(name) || /\.\p{L}{2}/u.test(name)) return undefined;
  return name;
}
