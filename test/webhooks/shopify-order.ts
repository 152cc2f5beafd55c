/** An order as Shopify tells it: of 19.90, placed by Ada. */
export const order = (over: Record<string, unknown> = {}) => ({
  id: 1,
  created_at: '2026-03-01T10:00:00+01:00',
  updated_at: '2026-03-01T10:00:00+01:00',
  currency: 'EUR',
  total_price: '19.90',
  email: 'ada@example.com',
  ...over,
});
