import type { BatchWriteCommandInput } from '@aws-sdk/lib-dynamodb';
import type { CutPoints, ScoreInputs } from '../domain/rfm.ts';
import type { Receipt } from '../domain/value-run.ts';
import type { Receipts } from '../engine/assign-segment.ts';
import { inBatches } from './batches.ts';
import type { Client } from './client.ts';
import { receiptKey } from './keys.ts';

type WriteRequest = NonNullable<BatchWriteCommandInput['RequestItems']>[string][number];

/** The receipts of value in the ledger: written in bulk, overwritten by the same run alone. */
export function receiptStore(client: Client, ledger: string): Receipts {
  return {
    put: (receipts) =>
      write(
        receipts.map((receipt) => ({
          PutRequest: { Item: { ...receiptKey(receipt.customerId, receipt.asOf, receipt.runId), ...receipt } },
        })),
      ),
    drop: ({ id, asOf }, customerIds) =>
      write(customerIds.map((customerId) => ({ DeleteRequest: { Key: receiptKey(customerId, asOf, id) } }))),
  };

  async function write(requests: WriteRequest[]) {
    let units = 0;
    await inBatches(requests, async (batch) => {
      const answer = await client.batchWrite({ RequestItems: { [ledger]: batch }, ReturnConsumedCapacity: 'TOTAL' });
      for (const { CapacityUnits } of answer.ConsumedCapacity ?? []) units += CapacityUnits ?? 0;
      return answer.UnprocessedItems?.[ledger] ?? [];
    });
    return { units };
  }
}

/** A receipt as it was read from the ledger. */
export function receiptOf({ pk: _pk, sk: _sk, ...item }: Record<string, unknown>): Receipt {
  const receipt = item as unknown as Receipt;
  return {
    ...receipt,
    inputs: receipt.inputs && inputsOf(receipt.inputs),
    cutPoints: cutPointsOf(receipt.cutPoints),
    ...(receipt.profitability && { profitability: eachBigInt(receipt.profitability) }),
    ...(receipt.outlook && { outlook: outlookOf(receipt.outlook) }),
  };
}

function outlookOf({ lifetimeValue, ...outlook }: NonNullable<Receipt['outlook']>) {
  return { ...outlook, lifetimeValue: lifetimeValue === null ? null : BigInt(lifetimeValue) };
}

function inputsOf({ totalSpent, contribution, lifetimeValue, ...inputs }: ScoreInputs): ScoreInputs {
  return {
    ...inputs,
    totalSpent: BigInt(totalSpent),
    ...(contribution !== undefined && { contribution: BigInt(contribution) }),
    ...(lifetimeValue !== undefined && { lifetimeValue: BigInt(lifetimeValue) }),
  };
}

function eachBigInt<Amounts extends object>(amounts: Amounts): Amounts {
  return Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, BigInt(amount)])) as Amounts;
}

/** Amounts come back from the table as numbers where they are small. */
export function cutPointsOf({ monetary, contribution, lifetimeValue, ...cuts }: CutPoints): CutPoints {
  const amounts = (of: readonly (bigint | null)[]) => of.map((cut) => (cut === null ? null : BigInt(cut)));
  return {
    ...cuts,
    monetary: amounts(monetary),
    ...(contribution && { contribution: amounts(contribution) }),
    ...(lifetimeValue && { lifetimeValue: lifetimeValue.map(BigInt) }),
  };
}
