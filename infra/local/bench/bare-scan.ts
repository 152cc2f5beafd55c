import { type AttributeValue, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';

export interface BareScan {
  table: string;
  segments: number;
}

const client = new DynamoDBClient({ maxAttempts: 10 });

/** Reads a table once through the SDK, page by page and all segments side by side as the night does, and looks at nothing. */
export async function handler({ table, segments }: BareScan): Promise<{ items: number; seconds: number }> {
  const begun = performance.now();
  let items = 0;
  const read = async (segment: number) => {
    let from: Record<string, AttributeValue> | undefined;
    do {
      const page = await client.send(
        new ScanCommand({
          TableName: table,
          ...(segments > 1 && { Segment: segment, TotalSegments: segments }),
          Limit: 1000,
          ...(from && { ExclusiveStartKey: from }),
        }),
      );
      items += page.Items?.length ?? 0;
      from = page.LastEvaluatedKey;
    } while (from);
  };
  await Promise.all(Array.from({ length: segments }, (_, segment) => read(segment)));
  return { items, seconds: (performance.now() - begun) / 1000 };
}
