import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { SQSEvent } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sourceKey } from '../../shared/dynamodb/keys.ts';
import { anOrder, day, openTopics, shopRedact, type TopicsShop, today } from './topics.ts';

let shop: TopicsShop;
beforeAll(async () => {
  shop = await openTopics();
});
afterAll(() => shop.stop());

describe('shop/redact', () => {
  test('takes whatever the source said; who is known elsewhere stays', async () => {
    const both = { id: 900, email: 'both@example.com' };
    await shop.deliver('orders/create', anOrder(1, { id: 901, email: 'only@example.com' }), { sourceId: 'other' });
    await shop.deliver('orders/create', anOrder(2, { ...both, first_name: 'Bob' }), { sourceId: 'other' });
    await shop.deliver('orders/create', anOrder(50, { ...both, id: 77_900, first_name: 'Bob' }));
    await shop.deliver('orders/create', anOrder(3, null, { email: 'guest@example.com' }), { sourceId: 'other' });
    await shop.keep();
    expect((await shop.find({ email: both.email }))?.facts).toMatchObject({ purchaseCount: 2 });
    const orders = (await shop.orders()).length;
    const { deliveryId } = await shop.deliver('shop/redact', shopRedact, { sourceId: 'other' });
    const { id } = await shop.requestOf(deliveryId);
    await shop.workAll();
    expect(await shop.request(id as string)).toMatchObject({ type: 'source_erasure', status: 'done' });
    expect(await shop.traces(['only@example.com', 'guest@example.com'])).toEqual([]);
    expect(await shop.find({ email: both.email })).toMatchObject({ firstName: 'Bob', facts: { purchaseCount: 1 } });
    expect(await shop.find({ externalId: 'other:900' })).toBeUndefined();
    expect((await shop.orders()).length).toBe(orders);
    const { body } = await shop.api.call('GET /v1/sources/{sourceId}', { params: { sourceId: 'other' } });
    expect(body).toMatchObject({ secretCount: 0, credentialNames: [], erasedAt: today });
    await expect(shop.deliver('orders/create', anOrder(9, both), { sourceId: 'other' })).rejects.toThrow();
    await shop.putSource('other');
    expect((await shop.deliver('orders/create', anOrder(9, both), { sourceId: 'other' })).status).toBe('recorded');
  });

  test('takes whose only order another customer has by now, and nobody of whom others spoke', async () => {
    const sourceId = 'moving';
    await shop.putSource(sourceId);
    const buyer = { id: 88_100, email: 'buyer.moving@example.com' };
    const guest = (name: string, agrees: boolean) => ({
      email: `${name}.moving@example.com`,
      buyer_accepts_marketing: agrees,
      billing_address: { first_name: `${name}Moving` },
    });
    await shop.deliver('orders/create', anOrder(88_199, buyer), { sourceId });
    const guests = [guest('Greta', true), guest('Hugo', false), guest('Kim', true)];
    for (const [id, one] of guests.entries())
      await shop.deliver('orders/create', anOrder(88_100 + id, null, one), { sourceId });
    for (const [id] of guests.entries())
      await shop.deliver('orders/updated', anOrder(88_100 + id, buyer, { updated_at: day(30) }), { sourceId });
    const consents = [{ channel: 'sms', purpose: 'marketing', state: 'granted' }];
    await shop.tell('customer.updated', { email: 'kim.moving@example.com', updatedAt: day(20), consents }, 'moving1');
    await shop.tell(
      'customer.updated',
      { email: 'lea.moving@example.com', firstName: 'Lea', updatedAt: day(20) },
      'moving2',
    );
    await shop.keep();
    for (const { email } of guests) expect((await shop.find({ email }))?.facts).toMatchObject({ purchaseCount: 0 });
    const { deliveryId } = await shop.deliver('shop/redact', shopRedact, { sourceId });
    await shop.workAll();
    expect(await shop.requestOf(deliveryId)).toMatchObject({ status: 'done', counts: { persons: 3 } });
    expect(await shop.traces(['greta', 'hugo', buyer.email])).toEqual([]);
    expect((await shop.find({ email: 'kim.moving@example.com' }))?.consents).toMatchObject([{ channel: 'sms' }]);
    expect((await shop.find({ email: 'lea.moving@example.com' }))?.firstName).toBe('Lea');
  });

  test('leaves alone what begins anew before it is done', async () => {
    const sourceId = 'again';
    await shop.putSource(sourceId);
    const both = { id: 9_001, email: 'both.again@example.com', first_name: 'Bea' };
    const old = { id: 9_002, email: 'old.again@example.com', first_name: 'Olga' };
    const fresh = { id: 9_003, email: 'fresh.again@example.com', first_name: 'Freya' };
    await shop.deliver('orders/create', anOrder(9_001, both), { sourceId });
    await shop.deliver('orders/create', anOrder(9_101, { ...both, id: 88_001 }));
    await shop.deliver('orders/create', anOrder(9_002, old), { sourceId });
    const before = await shop.deliver('orders/create', { id: 'x', note: 'before' }, { sourceId });
    await shop.keep();
    const { deliveryId } = await shop.deliver('shop/redact', shopRedact, { sourceId });
    await shop.work();
    expect(await shop.requestOf(deliveryId)).toMatchObject({ status: 'open', erasedAt: today });

    const later = { created_at: day(102), updated_at: day(102), buyer_accepts_marketing: true };
    await shop.setClock(day(103));
    expect(await shop.putSource(sourceId)).toMatchObject({ secretCount: 1 });
    for (const [id, customer] of [both, old, fresh].entries())
      await shop.deliver('orders/create', anOrder(9_010 + id, customer, later), { sourceId });
    await shop.deliver(
      'customers/update',
      { ...fresh, id: 9_004, email: 'seen.again@example.com', updated_at: day(102) },
      { sourceId },
    );
    // Said of a time before: an order of somebody who is erased stands without a person.
    await shop.deliver('orders/create', anOrder(9_020, old), { sourceId });
    const after = await shop.deliver('orders/create', { id: 'y', note: 'after' }, { sourceId });
    await shop.keep();
    await shop.workAll();
    expect(await shop.requestOf(deliveryId)).toMatchObject({ status: 'done' });

    const { body } = await shop.api.call('GET /v1/sources/{sourceId}', { params: { sourceId } });
    expect([body.secretCount, body.erasedAt]).toEqual([1, undefined]);
    for (const { id, email } of [old, fresh]) {
      const found = await shop.find({ email });
      expect(found).toMatchObject({ facts: { purchaseCount: 1 } });
      expect((await shop.find({ externalId: `${sourceId}:${id}` }))?.id).toBe(found?.id);
    }
    expect((await shop.find({ externalId: `${sourceId}:9004` }))?.email).toBe('seen.again@example.com');
    // Of the one whom another shop knows: its order there, and the one since.
    const known = await shop.find({ email: both.email });
    expect(known).toMatchObject({ facts: { purchaseCount: 2 } });
    for (const id of [`${sourceId}:${both.id}`, 'shop:88001'])
      expect((await shop.find({ externalId: id }))?.id).toBe(known?.id);
    const held = async ({ deliveryId: id }: { deliveryId: string }) =>
      (await shop.api.call('GET /v1/deliveries/{deliveryId}', { params: { deliveryId: id } })).body.withheld;
    expect([await held(before), await held(after)]).toEqual([true, undefined]);
    expect((await shop.deliver('orders/create', anOrder(9_030, fresh, later), { sourceId })).status).toBe('recorded');
  });

  test('leaves alone the history that is imported once the source began anew, and nothing of what came before', async () => {
    const sourceId = 'history';
    const both = { id: 9_201, email: 'both.history@example.com', first_name: 'Bertha' };
    const old = { id: 9_202, email: 'old.history@example.com', first_name: 'Oda' };
    const flying = { email: 'flying.history@example.com' };
    const fresh = { id: 9_203, email: 'fresh.history@example.com', first_name: 'Frieda' };
    const guest = { email: 'guest.history@example.com' };
    const agreed = { buyer_accepts_marketing: true };
    await shop.setClock(today);
    const made = await shop.putSource(sourceId);
    await shop.deliver('orders/create', anOrder(9_201, both), { sourceId });
    await shop.deliver('orders/create', anOrder(9_301, { ...both, id: 88_201 }));
    await shop.deliver('orders/create', anOrder(9_202, old), { sourceId });
    // Acknowledged before, and recorded after.
    shop.api.proxy.plan = () => 'throttled';
    await shop.deliver('orders/create', anOrder(9_204, null, flying), { sourceId });
    await shop.deliver('orders/create', anOrder(9_205, both), { sourceId });
    shop.api.proxy.plan = () => 'none';
    const late = shop.queues.of('retry').splice(0);
    expect(late).toHaveLength(2);
    await shop.keep();
    const { deliveryId } = await shop.deliver('shop/redact', shopRedact, { sourceId });
    await shop.work();
    expect(await shop.requestOf(deliveryId)).toMatchObject({ status: 'open', erasedAt: today });

    await shop.setClock(day(103));
    expect(await shop.putSource(sourceId)).toMatchObject({ createdAt: day(103) });
    expect(made.createdAt).toBe(today);
    const { handler: retry } = await import('../../functions/webhooks/retry.ts');
    for (const body of late) await retry({ Records: [{ messageId: 'late', body }] } as SQSEvent);
    expect(await shop.find({ email: flying.email })).toBeDefined();
    const transactions = [{ kind: 'refund', status: 'success', amount: '1.00', currency: 'EUR' }];
    const history = [
      anOrder(9_211, both, agreed),
      // Told before as well: it is the old source's, whatever was paid back of it.
      anOrder(9_204, null, { ...flying, refunds: [{ id: 1, created_at: day(12), transactions }] }),
      anOrder(9_213, fresh, agreed),
      anOrder(9_214, null, guest),
    ];
    const imported = await shop.api.call('POST /v1/imports', {
      query: { sourceId, format: 'shopify-ndjson' },
      body: history.map((order) => JSON.stringify(order)).join('\n'),
      headers: { 'content-type': 'application/x-ndjson' },
    });
    expect(imported.body.counts).toMatchObject({ recorded: 4, failed: 0 });
    const told = await shop.deliver('orders/updated', anOrder(9_214, null, { ...guest, updated_at: day(20) }), {
      sourceId,
    });
    await shop.setClock(day(104));
    await shop.keep();
    await shop.workAll();
    expect(await shop.requestOf(deliveryId)).toMatchObject({ status: 'done' });

    for (const { email } of [fresh, guest])
      expect(await shop.find({ email })).toMatchObject({ facts: { purchaseCount: 1 } });
    const known = await shop.find({ email: both.email });
    expect(known).toMatchObject({ facts: { purchaseCount: 2 } });
    for (const { email } of [both, fresh])
      expect((await shop.find({ email }))?.consents).toMatchObject([{ channel: 'email', state: 'granted', sourceId }]);
    expect((await shop.find({ externalId: `${sourceId}:${both.id}` }))?.id).toBe(known?.id);
    expect(await shop.traces([old.email, old.first_name, flying.email])).toEqual([]);
    const { body } = await shop.api.call('GET /v1/deliveries/{deliveryId}', {
      params: { deliveryId: told.deliveryId },
    });
    expect(body).toMatchObject({ status: 'recorded' });
    expect(body.withheld).toBeUndefined();
  });
});

describe('shop/redact that waits', () => {
  test('switches the source off at once: what is put anew meanwhile begins anew', async () => {
    const sourceId = 'waiting';
    await shop.setClock(today);
    await shop.putSource(sourceId);
    const old = { id: 9_401, email: 'old.waiting@example.com' };
    const imported = { id: 9_402, email: 'imported.waiting@example.com' };
    const live = { id: 9_403, email: 'live.waiting@example.com' };
    await shop.deliver('orders/create', anOrder(9_401, old), { sourceId });
    await shop.keep();
    const redaction = await shop.deliver('shop/redact', shopRedact, { sourceId, id: 'waiting-redact' });
    await expect(shop.deliver('orders/create', anOrder(9_409, old), { sourceId })).rejects.toThrow();

    await shop.setClock(day(101));
    expect(await shop.putSource(sourceId)).toMatchObject({ createdAt: day(101) });
    await shop.api.call('POST /v1/imports', {
      query: { sourceId, format: 'shopify-ndjson' },
      body: JSON.stringify(anOrder(9_402, imported)),
      headers: { 'content-type': 'application/x-ndjson' },
    });
    await shop.deliver('orders/create', anOrder(9_403, live), { sourceId });
    // Shopify sends again what it thinks was not taken.
    await shop.deliver('shop/redact', shopRedact, { sourceId, id: 'waiting-redact' });
    await shop.workAll();
    expect(await shop.requestOf(redaction.deliveryId)).toMatchObject({ status: 'done', erasedAt: today });
    expect(await shop.traces([old.email])).toEqual([]);
    for (const { email } of [imported, live])
      expect(await shop.find({ email })).toMatchObject({ facts: { purchaseCount: 1 } });
    const { body } = await shop.api.call('GET /v1/sources/{sourceId}', { params: { sourceId } });
    expect([body.secretCount, body.erasedAt]).toEqual([1, undefined]);
  });

  test('takes whom a door let in that trusted the source a little longer', async () => {
    const sourceId = 'trusted';
    await shop.setClock(today);
    await shop.putSource(sourceId);
    const { client, embedded } = shop.api;
    const place = { TableName: embedded.tables.registry, Key: sourceKey(sourceId) };
    const { Item: trusted } = await client.send(new GetCommand(place));
    const { deliveryId } = await shop.deliver('shop/redact', shopRedact, { sourceId });
    const { Item: off } = await client.send(new GetCommand(place));
    await client.send(new PutCommand({ TableName: place.TableName, Item: trusted }));
    await shop.setClock(`${today.slice(0, -5)}.003Z`);
    const known = { id: 9_501, email: 'known.trusted@example.com', first_name: 'Tilda' };
    const guest = { email: 'guest.trusted@example.com', billing_address: { first_name: 'Tristan' } };
    await shop.deliver('orders/create', anOrder(9_501, known), { sourceId });
    await shop.deliver('orders/create', anOrder(9_502, null, guest), { sourceId });
    await client.send(new PutCommand({ TableName: place.TableName, Item: off }));
    await shop.keep();
    await shop.workAll();
    expect(await shop.requestOf(deliveryId)).toMatchObject({ status: 'done', erasedAt: today });
    expect(await shop.traces(['trusted@example.com', 'tilda', 'tristan'])).toEqual([]);
  });
});
