import { canonicalText } from '../domain/canonical.ts';
import { type Consent, consentKey } from '../domain/consent.ts';
import { withWord } from '../domain/customer.ts';
import type { Interaction } from '../domain/interaction.ts';
import { customerWrite, type Draft, type Frame, isChanged } from './draft.ts';
import { type Fact, Unintelligible } from './fact.ts';
import type { Known, NaturalRef, Write } from './record-store.ts';
import { personOf, resolve } from './resolve.ts';

/** What a source says of a customer: profile, identities, consents. */
export async function draftCustomer(known: Known, fact: Fact & { kind: 'customer' }, frame: Frame): Promise<Draft> {
  const found = await resolve(known, fact.person, frame);
  if (!found) throw new Unintelligible('customer has no id, e-mail address or phone number');
  const owner = found.customer;
  if (!owner) return 'stale';
  const customer = withWord(owner, { ...fact, sourceId: frame.sourceId });
  const writes: Write[] = fact.consents
    .filter((consent) => canonicalText(consent) !== canonicalText(owner.consents[consentKey(consent)] ?? null))
    .map((consent) => ({
      kind: 'interaction',
      moved: false,
      customerId: owner.id,
      interaction: consentLine(consent, owner.id, frame),
    }));
  for (const identity of found.attach) writes.push({ kind: 'identity', identity, customerId: owner.id });
  if (writes.length > 0 || isChanged(owner, customer)) writes.push(customerWrite(owner, customer, frame.receivedAt));
  return { writes, about: { customerId: owner.id } };
}

function consentLine(consent: Consent, customerId: string, frame: Frame): Interaction {
  const { channel, purpose, state, occurredAt } = consent;
  const externalId = `${channel}:${purpose}:${state}`;
  return {
    id: frame.mint('int', frame.sourceId, 'consent', customerId, externalId, occurredAt),
    type: 'consent',
    sourceId: frame.sourceId,
    externalId,
    occurredAt,
    receivedAt: frame.receivedAt,
    consent,
  };
}

/** A call, visit, message or review: said once, kept once. */
export async function draftConversation(
  known: Known,
  fact: Fact & { kind: 'conversation' },
  frame: Frame,
): Promise<Draft> {
  const { type, externalId, occurredAt, conversation } = fact;
  const { sourceId, receivedAt } = frame;
  const natural: NaturalRef = { sourceId, type, externalId };
  const id = frame.mint('int', sourceId, type, externalId);
  await known.fetch({ naturals: [natural] });
  const entry = known.natural(natural);
  if (entry?.customerId) return { writes: [], about: { customerId: entry.customerId, interactionId: id } };

  const found = await resolve(known, fact.who, frame);
  if (!found) throw new Unintelligible('nobody is named: an id, an e-mail address or a phone number is needed');
  const owner = found.customer;
  if (!owner) return 'stale';
  const customer = withWord(owner, {
    person: personOf(fact.who),
    sourceId,
    at: occurredAt,
    test: false,
    consents: [],
  });
  const interaction: Interaction = { id, type, sourceId, externalId, occurredAt, receivedAt, conversation };
  const writes: Write[] = [
    { kind: 'natural', natural, customerId: owner.id, occurredAt, revision: 0 },
    { kind: 'interaction', moved: false, customerId: owner.id, interaction },
    customerWrite(owner, customer, receivedAt),
  ];
  for (const identity of found.attach) writes.push({ kind: 'identity', identity, customerId: owner.id });
  return { writes, about: { customerId: owner.id, interactionId: id } };
}
