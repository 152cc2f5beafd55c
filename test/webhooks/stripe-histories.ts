import fc from 'fast-check';

/** Random sales of Stripe, every event of each, and what they come to. */

export interface Event {
  object: 'event';
  type: string;
  created: number;
  livemode: boolean;
  data: { object: Record<string, unknown> };
}

/** In which forms one sale is told, and by which names these forms know each other. */
const kinds = [
  'charge',
  'payment',
  'payment with invoice',
  'invoice',
  'subscription of 2022',
  'subscription',
  'subscription since 2025',
  'debit that comes',
  'debit that fails',
] as const;

export const sales = fc.array(
  fc.record({
    kind: fc.constantFrom(...kinds),
    person: fc.nat(1),
    isGuest: fc.boolean(),
    minute: fc.nat(200_000),
    cents: fc.integer({ min: 1, max: 90_000 }),
    refunds: fc.array(fc.record({ share: fc.integer({ min: 1, max: 50 }), fails: fc.boolean() }), { maxLength: 2 }),
    dispute: fc.option(
      fc.record({ share: fc.integer({ min: 1, max: 100 }), ends: fc.constantFrom('open', 'lost', 'partly', 'won') }),
    ),
  }),
  { minLength: 1, maxLength: 3 },
);
export type Sale = typeof sales extends fc.Arbitrary<infer One> ? (One extends (infer S)[] ? S : never) : never;

const refundsOf = ({ kind, refunds, cents }: Sale) =>
  kind === 'debit that fails'
    ? []
    : refunds
        .map(({ share, fails }) => ({ cents: Math.floor((cents * share) / 100), fails }))
        .filter((refund) => refund.cents > 0);

/** What the payer's bank asks back: it does not know what was refunded. */
const disputeOf = ({ kind, dispute, cents }: Sale) =>
  dispute && kind !== 'debit that fails'
    ? { cents: Math.max(1, Math.floor((cents * dispute.share) / 100)), ends: dispute.ends }
    : undefined;

/** Worked out from the history alone. */
export function outcome(sale: Sale) {
  const refunded = refundsOf(sale).reduce((sum, { cents, fails }) => sum + (fails ? 0 : cents), 0);
  const dispute = disputeOf(sale);
  const taken = dispute && dispute.ends !== 'won' ? Math.min(dispute.cents, sale.cents - refunded) : 0;
  return { counts: sale.kind !== 'debit that fails', cents: sale.cents, refunded: refunded + taken };
}

/** Every event that Stripe sends of a sale, in the order in which things happen. */
export function messagesOf(sale: Sale, name: string, run: string): Event[] {
  const { kind, person, isGuest, cents } = sale;
  const start = Date.UTC(2024, 0, 1) / 1000 + sale.minute * 60;
  let now = start;
  const event = (type: string, object: Record<string, unknown>): Event => ({
    object: 'event',
    type,
    created: now++,
    livemode: true,
    data: { object },
  });
  const email = `${run}-${person}@example.com`;
  const customer = isGuest && !kind.startsWith('subscription') ? null : `cus_${run}_${person}`;
  const ids = { pi: `pi_${name}`, in: `in_${name}`, cs: `cs_${name}`, ch: `ch_${name}`, sub: `sub_${name}` };

  const session = (given: Record<string, unknown>) => ({
    id: ids.cs,
    mode: 'payment',
    payment_status: 'paid',
    currency: 'eur',
    amount_total: cents,
    customer,
    customer_details: { email, name: 'Ada Lovelace', phone: null },
    ...given,
  });
  const invoice = (given: Record<string, unknown>) => ({
    id: ids.in,
    created: start,
    currency: 'eur',
    total: cents,
    customer,
    customer_email: email,
    lines: { data: [{ description: 'Tea', quantity: 1, amount: cents }] },
    ...given,
  });
  const charge = (given: Record<string, unknown> = {}) => ({
    id: ids.ch,
    created: start,
    amount: cents,
    amount_refunded: 0,
    currency: 'eur',
    captured: true,
    status: 'succeeded',
    payment_intent: kind === 'charge' ? null : ids.pi,
    invoice: kind === 'subscription of 2022' || kind === 'subscription' ? ids.in : null,
    customer,
    billing_details: { email, name: null, phone: null },
    ...given,
  });
  const first = { billing_reason: 'subscription_create' };
  const forms: Record<Sale['kind'], () => Event[]> = {
    charge: () => [event('charge.succeeded', charge())],
    payment: () => [
      event('charge.succeeded', charge()),
      event('checkout.session.completed', session({ payment_intent: ids.pi })),
    ],
    'payment with invoice': () => [
      event('charge.succeeded', charge()),
      event('invoice.paid', invoice({ payment_intent: ids.pi, charge: ids.ch })),
      event('checkout.session.completed', session({ payment_intent: ids.pi, invoice: ids.in })),
    ],
    invoice: () => [
      event('charge.succeeded', charge()),
      event('invoice.paid', invoice({ payment_intent: ids.pi })),
      event('invoice.payment_succeeded', invoice({ payment_intent: ids.pi })),
    ],
    'subscription of 2022': () => [
      event('charge.succeeded', charge()),
      event('invoice.paid', invoice({ ...first, payment_intent: ids.pi, charge: ids.ch, subscription: ids.sub })),
      event('checkout.session.completed', session({ mode: 'subscription', subscription: ids.sub })),
    ],
    subscription: () => [
      event('charge.succeeded', charge()),
      event('invoice.paid', invoice({ ...first, payment_intent: ids.pi, subscription: ids.sub })),
      event('checkout.session.completed', session({ mode: 'subscription', subscription: ids.sub, invoice: ids.in })),
    ],
    'subscription since 2025': () => [
      event('charge.succeeded', charge()),
      event('invoice.paid', invoice({ ...first, parent: { subscription_details: { subscription: ids.sub } } })),
      event('invoice_payment.paid', { id: `inpay_${name}`, invoice: ids.in, payment: { payment_intent: ids.pi } }),
      event('checkout.session.completed', session({ mode: 'subscription', subscription: ids.sub, invoice: ids.in })),
    ],
    'debit that comes': () => [
      event('checkout.session.completed', session({ payment_intent: ids.pi, payment_status: 'unpaid' })),
      event('checkout.session.async_payment_succeeded', session({ payment_intent: ids.pi })),
      event('charge.succeeded', charge()),
    ],
    'debit that fails': () => [
      event('checkout.session.completed', session({ payment_intent: ids.pi, payment_status: 'unpaid' })),
      event('checkout.session.async_payment_failed', session({ payment_intent: ids.pi, payment_status: 'unpaid' })),
      event('charge.failed', charge({ status: 'failed' })),
    ],
  };

  let amountRefunded = 0;
  const told = forms[kind]();
  for (const [index, refund] of refundsOf(sale).entries()) {
    const object = {
      id: `re_${name}_${index}`,
      amount: refund.cents,
      currency: 'eur',
      created: now,
      charge: ids.ch,
      payment_intent: kind === 'charge' ? null : ids.pi,
    };
    amountRefunded += refund.cents;
    told.push(
      event('refund.created', { ...object, status: 'pending' }),
      event('charge.refunded', charge({ amount_refunded: amountRefunded })),
      refund.fails
        ? event('refund.failed', { ...object, status: 'failed' })
        : event('refund.updated', { ...object, status: 'succeeded' }),
    );
    if (refund.fails) amountRefunded -= refund.cents;
  }
  const dispute = disputeOf(sale);
  if (dispute) {
    const { ends } = dispute;
    const object = {
      id: `du_${name}`,
      amount: dispute.cents,
      currency: 'eur',
      created: now,
      charge: ids.ch,
      payment_intent: kind === 'charge' ? null : ids.pi,
    };
    told.push(event('charge.dispute.funds_withdrawn', { ...object, status: 'needs_response' }));
    const status = ends === 'won' ? 'won' : 'lost';
    if (ends !== 'open') told.push(event('charge.dispute.closed', { ...object, status }));
    if (ends === 'won' || ends === 'partly') told.push(event('charge.dispute.funds_reinstated', { ...object, status }));
  }
  return told;
}
