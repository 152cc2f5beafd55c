import { AwsError } from '../../shared/aws/aws-error.ts';
import type { JsonCall } from '../../shared/aws/json-call.ts';
import { type Service, ServiceError } from './services.ts';

export const dynamodbTarget = 'DynamoDB_20120810';

/**
 * DynamoDB for those who insert many items in one call. The engine makes each statement of a batch durable by itself, a
 * write to the disk for each; all in one transaction come to the same at the price of one. A batch in which one cannot be
 * inserted is given to the engine as it came.
 */
export function joinedInserts(engine: JsonCall): Service {
  const pass = (action: string, input: unknown) =>
    engine<object>(`${dynamodbTarget}.${action}`, input as object).catch((error: unknown) => {
      throw error instanceof AwsError && error.status > 0 ? inOurWords(error) : error;
    });

  return async (action, input) => {
    const { Statements = [] } = input as { Statements?: { Statement?: string }[] };
    const joined = action === 'BatchExecuteStatement' && Statements.length > 1;
    if (!joined || !Statements.every(({ Statement = '' }) => /^INSERT\s/i.test(Statement))) return pass(action, input);
    try {
      await engine(`${dynamodbTarget}.ExecuteTransaction`, { TransactStatements: Statements });
      return { Responses: Statements.map(() => ({})) };
    } catch (error) {
      // Nothing of it was written.
      if (error instanceof AwsError && error.status > 0 && error.status < 500) return pass(action, input);
      throw error;
    }
  };
}

function inOurWords({ name, explanation, status, fields }: AwsError): ServiceError {
  return new ServiceError(name, explanation, { status, fields });
}
