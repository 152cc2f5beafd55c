import type { Summary } from '../demo.ts';

/** The tiers of the policy that every deployment begins with, the highest first. */
const ranks = ['platinum', 'gold', 'silver', 'bronze', 'basic', 'prospect'];

/** What the engine made of the year, for a person. */
export function printSummary(summary: Summary, say: (line: string) => void): void {
  const { totals, deliveries, lastNight, nights } = summary;
  const { expected, actual } = totals;
  say('');
  say(`                    simulation         engine`);
  say(line('customers', count(expected.customers), count(actual.customers)));
  say(line('purchases', count(expected.purchaseCount), count(actual.purchaseCount)));
  say(line('spent', euros(expected.spentCents), euros(actual.spentCents)));
  say(line('refunded', euros(expected.refundedCents), euros(actual.refundedCents)));
  say('');
  say(
    `${count(deliveries.deliveries)} deliveries, ${count(deliveries.duplicates)} of them duplicates; ${count(nights)} nights.`,
  );
  if (lastNight?.report) {
    say(`After the last night, ${lastNight.asOf.slice(0, 10)}:`);
    const { tiers } = lastNight.report;
    const most = Math.max(1, ...Object.values(tiers));
    const ranked = Object.entries(tiers).sort(([a], [b]) => ranks.indexOf(a) - ranks.indexOf(b));
    for (const [tier, members] of ranked) {
      say(`  ${tier.padEnd(10)} ${String(members).padStart(6)}  ${'█'.repeat(Math.ceil((members / most) * 30))}`);
    }
  }
  const jobs = Object.entries(summary.outreach).map(([status, n]) => `${count(n)} ${status}`);
  say(`Outreach: ${jobs.join(', ') || 'none'}; ${count(summary.messages)} messages in the outbox.`);
  say('');
  if (summary.ok) say(`Every total agrees to the cent. (${summary.seconds} s)`);
  else {
    say(`${count(totals.differences.length)} totals differ. The first of them:`);
    for (const difference of totals.differences.slice(0, 10)) say(`  ${difference}`);
  }
}

const line = (name: string, expected: string, actual: string) =>
  `  ${name.padEnd(12)}${expected.padStart(16)}${actual.padStart(15)}`;
const count = (n: number) => n.toLocaleString('en-US');
const euros = (cents: number) => `${(cents / 100).toLocaleString('en-US', { minimumFractionDigits: 2 })} €`;
