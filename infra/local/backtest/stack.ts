import { setTimeout as wait } from 'node:timers/promises';
import type { BacktestReport } from '../../../shared/contracts/backtest.ts';
import { ApiClient, ApiError } from '../api-client.ts';
import { Failure } from '../command.ts';
import { tableOf } from './print.ts';
import { show } from './run.ts';
import type { StackBacktest } from './settings.ts';

interface Backtest {
  id: string;
  status: 'requested' | 'running' | 'succeeded' | 'failed';
  failure?: string;
  result: BacktestReport | null;
  exact?: { histories: boolean; spend: boolean; ranking: boolean };
}

/**
 * A backtest of the customers of a running stack.
 * @param say takes what goes to standard output, `tell` what shows how far it is
 * @throws Failure where the API says no, the backtest failed, or there was nobody to test
 */
export async function backtestStack(
  settings: StackBacktest,
  say: (text: string) => void,
  tell: (text: string) => void,
): Promise<void> {
  const { url, key, until, horizonDays } = settings;
  const api = new ApiClient(url, key);
  try {
    const body = JSON.stringify({ until, horizonDays });
    const begun = await api.call<Backtest>('POST', '/v1/backtests', { type: 'application/json', body });
    const { id, status, failure, result, exact } = await ended(api, begun, tell);
    if (status === 'failed') throw new Failure(`The backtest ${id} failed: ${failure ?? 'no reason is known'}.`, 1);
    if (!result) throw new Failure(`Nobody had bought by ${until}.`, 1);
    const remarks = remarksOn(exact);
    await show({ report: result, remarks, table: () => tableOf(result, remarks) }, settings, say);
  } catch (error) {
    if (error instanceof ApiError) throw new Failure(error.message, 1);
    throw error;
  }
}

async function ended(api: ApiClient, begun: Backtest, tell: (text: string) => void): Promise<Backtest> {
  tell(`${begun.id}: the customers are gone through twice …\n`);
  let said: string = begun.status;
  for (let pause = 200; ; pause = Math.min(2_000, pause * 1.3)) {
    const now = await api.call<Backtest>('GET', `/v1/backtests/${begun.id}`);
    if (now.status !== said) tell(`${begun.id}: ${now.status}\n`);
    said = now.status;
    if (now.status === 'succeeded' || now.status === 'failed') return now;
    await wait(pause);
  }
}

function remarksOn({ histories, spend, ranking }: NonNullable<Backtest['exact']> = exactly): string[] {
  return [
    ...(histories && spend ? [] : ['The models are fitted to histories and amounts in buckets, as there are so many.']),
    ...(ranking ? [] : ['Tenths and shares of the best rest on forecasts in buckets of 0.1 %.']),
  ];
}

const exactly = { histories: true, spend: true, ranking: true };
