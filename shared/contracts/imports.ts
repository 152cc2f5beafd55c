/** Files of history: the command cuts them into parts, the API reads the parts. */
export const importFormats = [
  'rapport-ndjson',
  'rapport-csv',
  'shopify-csv',
  'shopify-ndjson',
  'woocommerce-csv',
  'woocommerce-ndjson',
] as const;
export type ImportFormat = (typeof importFormats)[number];

export const ndjson = 'application/x-ndjson';
export const csv = 'text/csv';

export function mediaTypeOf(format: ImportFormat): typeof ndjson | typeof csv {
  return format.endsWith('-csv') ? csv : ndjson;
}

/** Adjacent rows that are alike in these columns belong to one item, and so into one part. */
export const groupColumns: Partial<Record<ImportFormat, readonly string[]>> = {
  'rapport-csv': ['type', 'externalId'],
  'shopify-csv': ['Name'],
  'woocommerce-csv': ['order_id'],
};

/** A part has no more bytes than this: in base64 it has to fit into what Lambda takes in one call. */
export const mostPartBytes = 4_000_000;
