/** One bad field of a request: a JSON pointer and what is wrong there, without the value. */
export interface FieldFault {
  pointer: string;
  detail: string;
}

/**
 * What a caller is told when something is refused or cannot be done. `code` is stable; `detail` is for the one who
 * can act on it and holds no personal data. Answers of 500 and above carry no detail of the inside: that stays in
 * `cause`, for the log.
 */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly faults: readonly FieldFault[];
  /** Seconds after which trying again makes sense. */
  readonly retryAfter: number | undefined;

  constructor(
    status: number,
    code: string,
    detail: string,
    options: { cause?: unknown; faults?: readonly FieldFault[]; retryAfter?: number } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Problem';
    this.status = status;
    this.code = code;
    this.faults = options.faults ?? [];
    this.retryAfter = options.retryAfter;
  }
}

/** The store cannot answer now; nothing was decided and trying again is right. */
export function storeUnavailable(cause: unknown): Problem {
  return new Problem(503, 'store_unavailable', 'The store cannot take this now. Try again.', { cause, retryAfter: 2 });
}

/**
 * The store said no, and trying again would not change that. Named after what it said, for the log.
 * `unstorable`: it can never hold what it was given, as an item that is too large or text that it does not know. Otherwise
 * nothing is known against what it was given: a right or a table is missing, or a condition failed.
 */
export class StoreRefusal extends Error {
  readonly unstorable: boolean;

  constructor(cause: Error, unstorable: boolean) {
    super('The store refuses this.', { cause });
    this.name = cause.name;
    this.unstorable = unstorable;
  }
}
