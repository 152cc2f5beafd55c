import { beforeAll, describe, expect, it } from 'vitest';
import { tables } from '../../shared/contracts/tables.ts';
import { at, type Json, list, ofType, type Resource, synthesise } from './template.ts';

const contracts: Record<string, { partitionKey: string; sortKey?: string; timeToLive?: string; indexes?: object }> = {
  Customers: tables.customers,
  Deliveries: tables.deliveries,
  Ledger: tables.ledger,
  Outreach: tables.outreach,
  Registry: tables.registry,
};

describe('the data stack', () => {
  let found: Resource[];
  let onTestStage: Resource[];
  beforeAll(() => {
    found = ofType(synthesise().data, 'AWS::DynamoDB::Table');
    onTestStage = ofType(synthesise({ stage: 'trial', testStage: true }).data, 'AWS::DynamoDB::Table');
  });
  const table = (name: string) => {
    const match = found.find(({ id }) => id.startsWith(name));
    if (!match) throw new Error(`no table ${name}`);
    return match;
  };

  it('has the tables of the contract and no other', () => {
    expect(found).toHaveLength(Object.keys(tables).length);
  });

  describe.each(Object.entries(contracts))('%s', (name, contract) => {
    it('has the keys and indexes that the stores address', () => {
      const { properties } = table(name);
      expect(keysOf(at(properties, 'KeySchema'))).toEqual(present([contract.partitionKey, contract.sortKey]));
      const indexes = list(at(properties, 'GlobalSecondaryIndexes')).map((index) => [
        at(index, 'IndexName'),
        keysOf(at(index, 'KeySchema')),
      ]);
      const expected = Object.entries(contract.indexes ?? {}).map(([index, keys]) => [
        index,
        [keys.partitionKey, keys.sortKey],
      ]);
      expect(indexes).toEqual(expected);
    });

    it('can be restored, and is not deleted by a slip', () => {
      const { properties, deletionPolicy, updateReplacePolicy } = table(name);
      expect(at(properties, 'PointInTimeRecoverySpecification', 'PointInTimeRecoveryEnabled')).toBe(true);
      expect(at(properties, 'DeletionProtectionEnabled')).toBe(true);
      expect([deletionPolicy, updateReplacePolicy]).toEqual(['Retain', 'Retain']);
    });

    it('is paid on demand and forgets what has expired', () => {
      const { properties } = table(name);
      expect(at(properties, 'BillingMode')).toBe('PAY_PER_REQUEST');
      expect(at(properties, 'TimeToLiveSpecification', 'AttributeName')).toBe(contract.timeToLive ?? null);
    });

    it('has a name of its own making, so that it can be replaced', () => {
      expect(at(table(name).properties, 'TableName')).toBeNull();
    });
  });

  it('streams customers before and after, ledger and outreach as they are', () => {
    const views = found.map(({ properties }) => at(properties, 'StreamSpecification', 'StreamViewType'));
    expect(views).toEqual(['NEW_AND_OLD_IMAGES', 'NEW_IMAGE', 'NEW_IMAGE', null, null]);
  });

  it('has one bucket, closed to everybody, encrypted, spoken to over TLS alone, that forgets after a week', () => {
    const { data } = synthesise();
    const [bucket, ...others] = ofType(data, 'AWS::S3::Bucket');
    expect(others).toEqual([]);
    if (!bucket) throw new Error('there is no bucket');
    const { properties, deletionPolicy } = bucket;
    expect(at(properties, 'BucketName')).toBeNull();
    expect(deletionPolicy).toBe('Retain');
    expect(at(properties, 'PublicAccessBlockConfiguration')).toEqual({
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    });
    const [encryption] = list(at(properties, 'BucketEncryption', 'ServerSideEncryptionConfiguration'));
    expect(at(encryption ?? null, 'ServerSideEncryptionByDefault', 'SSEAlgorithm')).toBe('AES256');
    expect(at(properties, 'LifecycleConfiguration', 'Rules')).toEqual([
      { Status: 'Enabled', ExpirationInDays: 7, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
    ]);
    const [policy] = ofType(data, 'AWS::S3::BucketPolicy');
    expect(list(at(policy?.properties ?? null, 'PolicyDocument', 'Statement'))).toMatchObject([
      { Effect: 'Deny', Action: 's3:*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
    ]);
    const [onTest] = ofType(synthesise({ stage: 'trial', testStage: true }).data, 'AWS::S3::Bucket');
    expect(onTest?.deletionPolicy).toBe('Delete');
  });

  it('lets the tables of a test stage go with their stack', () => {
    for (const { properties, deletionPolicy } of onTestStage) {
      expect(at(properties, 'DeletionProtectionEnabled')).not.toBe(true);
      expect(deletionPolicy).toBe('Delete');
    }
  });
});

function keysOf(schema: Json): Json[] {
  return list(schema).map((key) => at(key, 'AttributeName'));
}

function present<T>(values: (T | undefined)[]): T[] {
  return values.filter((value) => value !== undefined);
}
