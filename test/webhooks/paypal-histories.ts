import fc from 'fast-check';

/** Random checkouts of PayPal, each with one capture or two, what PayPal tells and shows of them, and what they come to. */

const captures = fc.record({
  cents: fc.integer({ min: 2, max: 90_000 }),
  ends: fc.constantFrom('completed', 'completed', 'completed', 'pending', 'denied'),
  /** Of what is left each time. */
  backs: fc.array(
    fc.record({
      share: fc.oneof(fc.integer({ min: 1, max: 99 }), fc.constant(100)),
      kind: fc.constantFrom('refunded', 'reversed', 'failed'),
    }),
    { maxLength: 3 },
  ),
});

export const checkouts = fc.array(
  fc.record({
    person: fc.nat(1),
    /** Without an account: the address alone is known. */
    isGuest: fc.boolean(),
    /** Whether the merchant hears of the checkout itself, as marketplaces do. */
    isTold: fc.boolean(),
    /** Whether each capture pays for goods of its own. */
    isSplit: fc.boolean(),
    minute: fc.nat(20_000),
    captures: fc.array(captures, { minLength: 1, maxLength: 2 }),
  }),
  { minLength: 1, maxLength: 3 },
);
export type Checkout = typeof checkouts extends fc.Arbitrary<(infer One)[]> ? One : never;
type Capture = Checkout['captures'][number];

export const emailOf = (person: number, run: string) => `${run}-${person}@example.com`;
const timeOf = (minute: number) => new Date(Date.UTC(2026, 0, 1) + minute * 60_000).toISOString();
const money = (cents: number) => ({
  value: `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`,
  currency_code: 'EUR',
});
const api = 'https://api.paypal.com/v2';

function backsOf({ cents, ends, backs }: Capture) {
  let left = ends === 'completed' ? cents : 0;
  const found: { cents: number; kind: string; inAll: number }[] = [];
  for (const { share, kind } of backs) {
    const part = Math.floor((left * share) / 100);
    if (part === 0) continue;
    if (kind !== 'failed') left -= part;
    found.push({ cents: part, kind, inAll: cents - left });
  }
  return found;
}

const refundedOf = (capture: Capture) =>
  backsOf(capture).reduce((sum, { cents, kind }) => sum + (kind === 'failed' ? 0 : cents), 0);

/** Worked out from the history alone. */
export const outcomesOf = ({ captures: all }: Checkout) =>
  all.map((capture) => ({
    counts: capture.ends === 'completed',
    cents: capture.cents,
    refunded: refundedOf(capture),
  }));

/** By capture, how many goods are known of it; one that never came is known where the checkout was told alone. */
export const goodsOf = ({ captures: all, isTold, isSplit }: Checkout, name: string): [string, number][] =>
  all.flatMap(({ ends }, index): [string, number][] => {
    const isKnown = ends === 'completed' || (isTold && all.length === 1);
    return isKnown ? [[idOf(name, index), isSplit || all.length === 1 ? 1 : 0]] : [];
  });

export const accountOf = ({ person, isGuest }: Checkout, run: string) => (isGuest ? undefined : `ACC-${run}-${person}`);

const idOf = (name: string, index: number) => `CAP${name}-${index}`;

/** Every state of a capture, as PayPal has it one after the other. */
function statesOf({ minute, captures: all }: Checkout, index: number, name: string) {
  const capture = all[index] as Capture;
  const id = idOf(name, index);
  const state = (status: string, after: number) => ({
    id,
    status,
    amount: money(capture.cents),
    create_time: timeOf(minute),
    update_time: timeOf(minute + after),
    supplementary_data: { related_ids: { order_id: `ORDER${name}` } },
    links: [{ href: `${api}/payments/captures/${id}`, rel: 'self' }],
  });
  const before = state('PENDING', 0);
  if (capture.ends !== 'completed') return { before, after: capture.ends === 'denied' ? [state('DECLINED', 1)] : [] };
  const backs = backsOf(capture).map(({ inAll }, part) =>
    state(inAll === capture.cents ? 'REFUNDED' : 'PARTIALLY_REFUNDED', 10 + part),
  );
  return { before, after: [state('COMPLETED', 1), ...backs] };
}

function shownOf(checkout: Checkout, name: string, run: string, { asPayer }: { asPayer: boolean }) {
  const { person, isSplit, captures: all } = checkout;
  const account = accountOf(checkout, run);
  const who = { email_address: emailOf(person, run), name: { given_name: 'Ada', surname: 'Lovelace' } };
  const unit = (own: object[]) => ({
    items: [{ name: 'Mug', quantity: '1', sku: 'M-1', unit_amount: money(1) }],
    payments: { captures: own },
  });
  const paid = all.map((_, index) => {
    const { before, after } = statesOf(checkout, index, name);
    return after[0] ?? before;
  });
  return {
    id: `ORDER${name}`,
    status: 'COMPLETED',
    ...(asPayer
      ? { payer: { payer_id: account, ...who } }
      : { payment_source: { paypal: { account_id: account, ...who } } }),
    purchase_units: isSplit ? paid.map((one) => unit([one])) : [unit(paid)],
  };
}

/**
 * What the API answers by path; a capture is shown in any of its states since it came, the later ones not always last.
 * @param isBehind whether it still shows every capture as it was before it came
 */
export function answersOf(checkout: Checkout, name: string, run: string, isBehind: boolean): [string, unknown][] {
  const shown = shownOf(checkout, name, run, { asPayer: false });
  return [
    [`/v2/checkout/orders/${shown.id}`, shown],
    ...checkout.captures.map((_, index): [string, unknown] => {
      const { before, after } = statesOf(checkout, index, name);
      let asked = 0;
      return [`/v2/payments/captures/${before.id}`, () => (!isBehind && after[asked++ % after.length]) || before];
    }),
  ];
}

export interface Message {
  event_type: string;
  resource: object;
}

/** Every message of a checkout, in the order in which things happen. */
export function messagesOf(checkout: Checkout, name: string, run: string): Message[] {
  const event = (event_type: string, resource: object) => ({ event_type, resource });
  const told = shownOf(checkout, name, run, { asPayer: true });
  return [
    event('CHECKOUT.ORDER.APPROVED', { ...told, status: 'APPROVED', purchase_units: [] }),
    ...checkout.captures.flatMap((capture, index) => {
      const { before, after } = statesOf(checkout, index, name);
      const first = after[0] && event(`PAYMENT.CAPTURE.${after[0].status.replace('DECLINED', 'DENIED')}`, after[0]);
      return [
        event('PAYMENT.CAPTURE.PENDING', before),
        ...(first ? [first] : []),
        ...backsOf(capture).map((back, part) => backEvent(before, back, timeOf(checkout.minute + 10 + part), part)),
      ];
    }),
    ...(checkout.isTold ? [event('CHECKOUT.ORDER.COMPLETED', told)] : []),
  ];
}

function backEvent(
  capture: { id: string; amount: { value: string } },
  { cents, kind, inAll }: { cents: number; kind: string; inAll: number },
  at: string,
  part: number,
): Message {
  const event_type = `PAYMENT.CAPTURE.${kind === 'reversed' ? 'REVERSED' : 'REFUNDED'}`;
  const self = { href: `${api}/payments/captures/${capture.id}`, rel: 'self' };
  const amount = money(cents);
  // What was taken back whole is told as the capture itself.
  if (kind === 'reversed' && amount.value === capture.amount.value)
    return { event_type, resource: { ...capture, status: 'REVERSED', create_time: at, links: [self] } };
  const resource = {
    id: `${capture.id}-R${part}`,
    status: kind === 'failed' ? 'FAILED' : 'COMPLETED',
    amount,
    seller_payable_breakdown: { total_refunded_amount: money(inAll) },
    create_time: at,
    links: [{ ...self, rel: 'up' }],
  };
  return { event_type, resource };
}
