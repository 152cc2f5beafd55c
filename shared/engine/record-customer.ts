import { calendarOf } from '../domain/calendar.ts';
import { canonicalText } from '../domain/canonical.ts';
import { type Consent, consentKey } from '../domain/consent.ts';
import { contactOf } from '../domain/contacts.ts';
import { type Customer, heardOf, newCustomer, withDeparture, withWord } from '../domain/customer.ts';
import type { Identity } from '../domain/identity.ts';
import { earlier } from '../domain/instant.ts';
import type { Interaction } from '../domain/interaction.ts';
import { personIn } from '../domain/merge.ts';
import { customerWrite, type Draft, type Frame, isChanged, type MergeEvidence } from './draft.ts';
import { type Fact, Unintelligible } from './fact.ts';
import { customerIdFrom, type Known, type Stale } from './known.ts';
import { Problem } from './problem.ts';
import type { NaturalRef, Write } from './record-store.ts';
import { attachWrites, customerErased, identifiesNobody, resolve, saidSinceErasure } from './resolve.ts';
import { conflictWrites } from './suggest.ts';

/** What a source says of a customer: profile, identities, consents. */
export async function draftCustomer(known: Known, fact: Fact & { kind: 'customer' }, frame: Frame): Promise<Draft> {
  const found = await resolve(known, fact.person, earlier(fact.at, frame.receivedAt), frame);
  if (found === 'stale') return 'stale';
  if (found && 'erased' in found) return { writes: [], about: { erased: true } };
  if (!found) throw new Unintelligible('customer has no id, e-mail address or phone number');
  const { customer: owner, person } = found;
  const merge = await evidenceOf(known, fact, owner.id, frame);
  if (merge === 'stale') return 'stale';
  const isElsewhere = found.elsewhere.filter(({ entry }) => entry.customerId !== merge?.from);
  const conflicts = await conflictWrites(
    known,
    { customer: owner, elsewhere: isElsewhere },
    person.externalId !== undefined,
    frame,
  );
  if (conflicts === 'stale') return 'stale';
  const heard = heardOf(owner, { ...fact, person, sourceId: frame.sourceId }, frame.receivedAt);
  const consents = await saidSinceErasure(known, found, heard.consents, frame);
  const customer = withWord(owner, { ...heard, consents, test: fact.test });
  const writes: Write[] = consents
    .filter((consent) => canonicalText(consent) !== canonicalText(owner.consents[consentKey(consent)] ?? null))
    .map((consent) => ({
      kind: 'interaction',
      moved: false,
      customerId: owner.id,
      interaction: consentLine(consent, owner.id, frame),
    }));
  writes.push(...attachWrites(known, found.attach, owner.id, frame), ...conflicts);
  if (writes.length > 0 || isChanged(owner, customer)) writes.push(customerWrite(owner, customer, frame.receivedAt));
  return { writes, about: { customerId: owner.id }, ...(merge && { merge }) };
}

/** An address that the shop has verified joins whoever was known by it alone: no customer of this shop by another id. */
async function evidenceOf(
  known: Known,
  { person: { externalId, email }, emailVerified }: Fact & { kind: 'customer' },
  ownerId: string,
  { sourceId }: Frame,
): Promise<MergeEvidence | Stale | undefined> {
  if (!emailVerified || externalId === undefined || email === undefined) return undefined;
  const entry = await known.identity({ namespace: 'email', value: email });
  if (!entry || entry.customerId === ownerId || identifiesNobody(entry)) return undefined;
  const home = await known.home(entry.customerId);
  if (known.tombstone(entry.customerId)) return undefined;
  if (!home || home === 'stale') return 'stale';
  const joined = home.id === known.homeId(ownerId) ? personIn(home, entry.customerId) : home;
  if (!joined || Object.hasOwn(joined.sourceIds, sourceId)) return undefined;
  return { from: entry.customerId, into: ownerId, by: 'verified_email' };
}

/**
 * The shop's own word that two of its customers are one. Whoever of them is not known yet is made, so that orders that
 * are still on their way find their person, whatever comes first.
 */
export async function draftShopMerge(known: Known, fact: Fact & { kind: 'merge' }, frame: Frame): Promise<Draft> {
  if (fact.kept === fact.gone) throw new Unintelligible('a customer cannot be merged into itself');
  const [kept, gone] = [fact.kept, fact.gone].map((value) => ({ namespace: frame.sourceId, value })) as [
    Identity,
    Identity,
  ];
  await known.fetch({ identities: [kept, gone] });
  for (const identity of [kept, gone])
    if (await isOfErased(known, identity, frame)) return { writes: [], about: { erased: true } };
  const writes: Write[] = [];
  const ids: string[] = [];
  for (const identity of [kept, gone]) {
    const named = await namedByShop(known, identity, frame);
    if (named === 'stale') return 'stale';
    const { before, isKnown } = named;
    ids.push(before.id);
    if (isKnown) continue;
    const after = withShopsId(before, identity, fact.test, frame);
    writes.push(leadTo(before.id, identity, frame), customerWrite(before, after, frame.receivedAt));
  }
  const [into = '', from = ''] = ids;
  return { writes, about: { customerId: into }, merge: { from, into, by: 'shop' } };
}

/** The shop has deleted its customer. Who is not known yet is made, so that what was said before finds it deleted. */
export async function draftDeparture(known: Known, fact: Fact & { kind: 'departure' }, frame: Frame): Promise<Draft> {
  const identity: Identity = { namespace: frame.sourceId, value: fact.externalId };
  await known.fetch({ identities: [identity] });
  if (await isOfErased(known, identity, frame)) return { writes: [], about: { erased: true } };
  const owner = await namedByShop(known, identity, frame);
  if (owner === 'stale') return 'stale';
  const { before, isKnown } = owner;
  // Whether the person was real is for others to say.
  const named = withShopsId(before, identity, true, frame);
  const after = withDeparture(named, frame.sourceId, fact.at ?? frame.receivedAt, frame.receivedAt);
  const about = { customerId: before.id };
  if (isKnown && !isChanged(before, after)) return { writes: [], about };
  const attach: Write[] = isKnown ? [] : [leadTo(before.id, identity, frame)];
  return { writes: [...attach, customerWrite(before, after, frame.receivedAt)], about };
}

/** Whether the shop's id is that of somebody who was erased, and has not come back since. */
async function isOfErased(known: Known, identity: Identity, frame: Frame): Promise<boolean> {
  const erased = await known.erasedBy(identity, frame);
  const entry = await known.identity(identity);
  const isBack = erased && entry && !known.tombstone(entry.customerId) && frame.receivedAt > erased.erasedAt;
  return erased !== undefined && !isBack;
}

/** The person whom the shop names by an id of its own; `version` 0 where it is new. */
async function namedByShop(
  known: Known,
  identity: Identity,
  frame: Frame,
): Promise<{ before: Customer; isKnown: boolean } | Stale> {
  const entry = await known.identity(identity);
  const id = entry?.customerId ?? customerIdFrom(identity, frame);
  const owner = await known.customer(id);
  if (owner === 'stale' || (entry && !owner)) return 'stale';
  return { before: owner ?? newCustomer(id, frame.receivedAt), isKnown: entry !== undefined };
}

function leadTo(customerId: string, identity: Identity, { sourceId }: Frame): Write {
  return { kind: 'identity', identity, customerId, sourceId };
}

function withShopsId(
  customer: Customer,
  { value: externalId }: Identity,
  test: boolean,
  { sourceId }: Frame,
): Customer {
  return withWord(customer, { sourceId, externalId, profile: {}, consents: [], test });
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

/** Whether what was kept under an id is what is said under it now. */
function saysTheSame(kept: Interaction, fact: Fact & { kind: 'conversation' | 'consent' }): boolean {
  if (fact.kind === 'conversation') {
    const isSame = kept.type === fact.type && canonicalText(kept.conversation) === canonicalText(fact.conversation);
    return isSame && kept.occurredAt === fact.occurredAt;
  }
  if (kept.type !== 'consent') return false;
  const { channel, purpose, state, occurredAt } = fact.consent;
  const was = kept.consent;
  // What is dated ahead is bounded by when it is heard, each time anew.
  const wasAhead = kept.occurredAt === kept.receivedAt && occurredAt > kept.occurredAt;
  const isSame = was.channel === channel && was.purpose === purpose && was.state === state;
  return isSame && (wasAhead || kept.occurredAt === occurredAt);
}

function otherContent(): Problem {
  const detail =
    'Something else was reported under this externalId before, and it stands. Take an id of its own for this.';
  return new Problem(409, 'interaction_conflict', detail, {
    faults: [{ pointer: '/externalId', detail: 'is the id of another interaction' }],
  });
}

/**
 * A call, visit, message or review, or a consent by a partner: said once, kept once.
 * @throws Problem `interaction_conflict` where something else was said under the same id
 */
export async function draftSaying(
  known: Known,
  fact: Fact & { kind: 'conversation' | 'consent' },
  frame: Frame,
): Promise<Draft> {
  const { externalId } = fact;
  const { sourceId, receivedAt } = frame;
  const type = fact.kind === 'consent' ? 'consent' : fact.type;
  const occurredAt = fact.kind === 'consent' ? fact.consent.occurredAt : fact.occurredAt;
  const natural: NaturalRef = { sourceId, type, externalId };
  const id = frame.mint('int', sourceId, type, externalId);
  await known.fetch({ naturals: [natural] });
  const entry = known.natural(natural);
  if (entry?.customerId) {
    if ((await known.home(entry.customerId)) === 'stale') return 'stale';
    if (known.tombstone(entry.customerId)) throw customerErased();
    const place = { customerId: entry.customerId, occurredAt: entry.occurredAt ?? occurredAt, interactionId: id };
    const kept = await known.store.line(place);
    const said = await resolve(known, fact.who, occurredAt, frame);
    if (said === 'stale') return 'stale';
    const isOther = said && !('erased' in said) && known.homeId(said.customer.id) !== known.homeId(entry.customerId);
    if (isOther || (kept && !saysTheSame(kept, fact))) throw otherContent();
    return { writes: [], about: { customerId: entry.customerId, interactionId: id } };
  }

  const found = await resolve(known, fact.who, occurredAt, frame);
  if (found === 'stale') return 'stale';
  if (found && 'erased' in found) throw customerErased();
  if (!found) throw new Unintelligible('nobody is named: an id, an e-mail address or a phone number is needed');
  const { customer: owner, person } = found;
  const conflicts = await conflictWrites(known, found, person.externalId !== undefined, frame);
  if (conflicts === 'stale') return 'stale';
  const customer = withWord(owner, {
    ...heardOf(owner, { person, sourceId, at: occurredAt, consents: [] }, receivedAt),
    test: false,
    consents: fact.kind === 'consent' ? [fact.consent] : [],
    ...(fact.kind === 'conversation' && {
      contact: contactOf(fact.type, fact.conversation, occurredAt, calendarOf(frame.baseTimeZone)),
    }),
  });
  const line = { id, sourceId, externalId, occurredAt, receivedAt };
  const interaction: Interaction =
    fact.kind === 'consent'
      ? { ...line, type: 'consent', consent: fact.consent }
      : { ...line, type: fact.type, conversation: fact.conversation };
  const writes: Write[] = [
    { kind: 'natural', natural, customerId: owner.id, occurredAt, revision: 0 },
    { kind: 'interaction', moved: false, customerId: owner.id, interaction },
    customerWrite(owner, customer, receivedAt),
    ...conflicts,
  ];
  writes.push(...attachWrites(known, found.attach, owner.id, frame));
  return { writes, about: { customerId: owner.id, interactionId: id } };
}
