import { describe, expect, test } from 'vitest';
import { sharedRead } from '../../shared/dynamodb/shared-read.ts';

/** Reads that end when they are told to; each answers what was written before it began. */
function store() {
  const ends: (() => void)[] = [];
  const state = { value: 0, reads: 0, ends };
  const read = sharedRead(async () => {
    const { value } = state;
    state.reads += 1;
    await new Promise<void>((resolve) => ends.push(resolve));
    if (value < 0) throw new Error('away');
    return value;
  });
  return { state, read };
}

describe('reads that are shared', () => {
  test('whoever comes during a read shares the next one, which shows what was written meanwhile', async () => {
    const { state, read } = store();
    const first = read('clock');
    state.value = 1;
    const late = [read('clock'), read('clock'), read('clock')];
    state.ends.shift()?.();
    expect(await first).toBe(0);
    await expect.poll(() => state.ends.length).toBe(1);
    state.value = 2;
    const later = read('clock');
    state.ends.shift()?.();
    expect(await Promise.all(late)).toEqual([1, 1, 1]);
    await expect.poll(() => state.ends.length).toBe(1);
    state.ends.shift()?.();
    expect(await later).toBe(2);
    expect(state.reads).toBe(3);
  });

  test('a read that fails fails for those who share it, and the next one begins all the same', async () => {
    const { state, read } = store();
    state.value = -1;
    const first = read('clock');
    const second = read('clock');
    state.ends.shift()?.();
    await expect(first).rejects.toThrow('away');
    state.value = 5;
    await expect.poll(() => state.ends.length).toBe(1);
    state.ends.shift()?.();
    await expect(second).rejects.toThrow('away');
    const third = read('clock');
    await expect.poll(() => state.ends.length).toBe(1);
    state.ends.shift()?.();
    expect(await third).toBe(5);
  });

  test('keys have nothing to do with each other', async () => {
    const { state, read } = store();
    const both = [read('one'), read('two')];
    expect(state.reads).toBe(2);
    for (const end of state.ends) end();
    expect(await Promise.all(both)).toEqual([0, 0]);
  });
});
