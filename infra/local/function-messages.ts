/** What the stack and the threads of its functions say to each other. */
export interface WorkerSettings {
  /** `file:` URL of the function's bundle. */
  bundle: string;
  context: {
    functionName: string;
    functionVersion: string;
    invokedFunctionArn: string;
    memoryLimitInMB: string;
    logGroupName: string;
    logStreamName: string;
  };
}

export interface ToWorker {
  id: string;
  event: unknown;
  /** Milliseconds since 1970. */
  deadline: number;
}

export interface FunctionFailure {
  errorType: string;
  errorMessage: string;
  trace: string[];
}

export type FromWorker =
  | { ready: true }
  | { broken: FunctionFailure }
  | { crashed: string }
  | { id: string; result: string | undefined }
  | { id: string; error: FunctionFailure };
