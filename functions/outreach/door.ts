import { readVariables, variables } from '../../shared/contracts/environment.ts';
import type { OutreachChannel } from '../../shared/domain/play.ts';
import { connect } from '../../shared/dynamodb/client.ts';
import { readClock } from '../../shared/dynamodb/clock.ts';
import { readCustomer } from '../../shared/dynamodb/customer-reads.ts';
import { mintWith } from '../../shared/dynamodb/mint.ts';
import { OutreachStore } from '../../shared/dynamodb/outreach-store.ts';
import { readSettings, type Settings } from '../../shared/dynamodb/settings.ts';
import { isSuppressed } from '../../shared/dynamodb/suppression.ts';

/** What planning and delivering share. Made once for each container. */
const names = readVariables(process.env, [variables.customersTable, variables.outreachTable, variables.registryTable]);
export const customers = names.CUSTOMERS_TABLE;
export const registry = names.REGISTRY_TABLE;
export const client = connect();

export const now = () => readClock({ testStage: process.env[variables.testStage] === 'true', client, registry });

let kept: Settings | undefined;

/** Salt and secret never change once they are there. */
export async function settings(): Promise<Settings> {
  kept ??= await readSettings(client, registry);
  return kept;
}

export const mint = async () => mintWith((await settings()).salt);

export const jobs = new OutreachStore(client, names.OUTREACH_TABLE);

export const people = {
  readCustomer: (customerId: string) => readCustomer(client, customers, customerId),
  isSuppressed: async (channel: OutreachChannel, address: string) =>
    isSuppressed({ client, registry, salt: (await settings()).salt }, channel, address),
};
