// To be preloaded (`--import`): the clock of the process and of its threads runs ahead by SHIFT_DAYS, as a system clock
// that was set wrong would. JavaScript, so that a thread can begin with it.
import { syncBuiltinESMExports } from 'node:module';
import threads from 'node:worker_threads';

const days = threads.getEnvironmentData('SHIFT_DAYS') ?? process.env.SHIFT_DAYS;
threads.setEnvironmentData('SHIFT_DAYS', days);
const shift = Number(days) * 86_400_000;

const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(RealDate.now() + shift);
    else super(...parts);
  }
  static now() {
    return RealDate.now() + shift;
  }
};

// A thread that is given options of its own does not take over those of the process.
threads.Worker = class extends threads.Worker {
  constructor(path, options = {}) {
    super(path, { ...options, execArgv: [...(options.execArgv ?? []), '--import', import.meta.url] });
  }
};
syncBuiltinESMExports();
