/**
 * What AWS asks for in us-east-1, on demand and beyond the free allowances, in dollars. Check before quoting:
 * aws.amazon.com/dynamodb/pricing/on-demand, /s3/pricing, /lambda/pricing, /step-functions/pricing.
 */
export const prices = {
  /** DynamoDB, standard tables. */
  writeUnit: 0.625e-6,
  readUnit: 0.125e-6,
  /** S3 Standard; a delete costs nothing. */
  objectPut: 5e-6,
  objectGet: 0.4e-6,
  /** Standard workflows: each state that is entered, repetitions included. */
  stateTransition: 25e-6,
  /** Lambda on arm64. */
  gigabyteSecond: 13.3334e-6,
  invocation: 0.2e-6,
} as const;
