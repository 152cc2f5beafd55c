import { describe, expect, it } from 'vitest';
import { compilePattern } from '../../infra/local/event-pattern.ts';
import { PatternError } from '../../infra/local/event-pattern-leaf.ts';

/** The event that AWS's documentation of patterns goes by. */
const event = {
  version: '0',
  id: '6a7e8feb-b491-4cf7-a9f1-bf3703467718',
  'detail-type': 'EC2 Instance State-change Notification',
  source: 'aws.ec2',
  account: '111122223333',
  time: '2017-12-22T18:43:48Z',
  region: 'us-west-1',
  resources: ['arn:aws:ec2:us-west-1:123456789012:instance/i-1234567890abcdef0'],
  detail: {
    'instance-id': 'i-1234567890abcdef0',
    state: 'terminated',
    'c-count': 5,
    'd-count': 3,
    'x-limit': 301.8,
    'source-ip': '10.0.0.33',
    FileName: 'pictures/dir/a.PNG',
    nothing: null,
    empty: '',
    flag: true,
    list: [],
    nested: { deep: 1 },
  },
};

const matches = (pattern: object, given: unknown = event) => compilePattern(pattern)(given);
const detail = (field: string, ...conditions: unknown[]) => matches({ detail: { [field]: conditions } });

describe('values', () => {
  it.each([
    [
      'the documented example',
      {
        source: ['aws.ec2'],
        'detail-type': ['EC2 Instance State-change Notification'],
        detail: { state: ['terminated'] },
      },
    ],
    ['one of several', { detail: { state: ['initializing', 'terminated'] } }],
    ['an element of an array', { resources: ['arn:aws:ec2:us-west-1:123456789012:instance/i-1234567890abcdef0'] }],
    ['null', { detail: { nothing: [null] } }],
    ['the empty text', { detail: { empty: [''] } }],
    ['a number', { detail: { 'c-count': [5.0] } }],
    ['true', { detail: { flag: [true] } }],
  ])('%s', (_name, pattern) => expect(matches(pattern)).toBe(true));

  it.each([
    ['another value', { detail: { state: ['running'] } }],
    ['one field of two', { source: ['aws.ec2'], detail: { state: ['running'] } }],
    ['a number as text', { detail: { 'c-count': ['5'] } }],
    ['another case', { detail: { state: ['Terminated'] } }],
    ['null where there is nothing', { detail: { missing: [null] } }],
    ['an inherited name', { constructor: [{ exists: true }] }],
  ])('not %s', (_name, pattern) => expect(matches(pattern)).toBe(false));
});

describe('operators', () => {
  it.each<[string, string, unknown, boolean]>([
    ['prefix', 'state', { prefix: 'term' }, true],
    ['prefix', 'state', { prefix: 'Term' }, false],
    ['prefix in any case', 'state', { prefix: { 'equals-ignore-case': 'TERM' } }, true],
    ['prefix of a number', 'c-count', { prefix: '5' }, false],
    ['suffix', 'FileName', { suffix: '.png' }, false],
    ['suffix in any case', 'FileName', { suffix: { 'equals-ignore-case': '.png' } }, true],
    ['equals-ignore-case', 'state', { 'equals-ignore-case': 'TERMINATED' }, true],
    ['anything-but', 'state', { 'anything-but': 'initializing' }, true],
    ['anything-but', 'state', { 'anything-but': 'terminated' }, false],
    ['anything-but a number', 'x-limit', { 'anything-but': 123 }, true],
    ['anything-but a list', 'state', { 'anything-but': ['stopped', 'terminated'] }, false],
    ['anything-but numbers', 'x-limit', { 'anything-but': [100, 200, 300] }, true],
    ['anything-but prefix', 'state', { 'anything-but': { prefix: 'init' } }, true],
    ['anything-but prefixes', 'state', { 'anything-but': { prefix: ['init', 'term'] } }, false],
    ['anything-but suffix', 'FileName', { 'anything-but': { suffix: '.PNG' } }, false],
    ['anything-but in any case', 'state', { 'anything-but': { 'equals-ignore-case': ['TERMINATED'] } }, false],
    ['anything-but wildcard', 'FileName', { 'anything-but': { wildcard: '*/dir/*' } }, false],
    ['anything-but of what is missing', 'missing', { 'anything-but': 'x' }, false],
    ['numeric range', 'c-count', { numeric: ['>', 0, '<=', 5] }, true],
    ['numeric bound', 'd-count', { numeric: ['<', 3] }, false],
    ['numeric equality', 'x-limit', { numeric: ['=', 3.018e2] }, true],
    ['numeric of a text', 'state', { numeric: ['>', 0] }, false],
    ['exists', 'c-count', { exists: true }, true],
    ['exists of null', 'nothing', { exists: true }, true],
    ['exists of what is missing', 'missing', { exists: true }, false],
    ['absence', 'missing', { exists: false }, true],
    ['absence of what is there', 'state', { exists: false }, false],
    ['absence of a leaf that is an object', 'nested', { exists: false }, true],
    ['absence of an empty list', 'list', { exists: false }, true],
    ['cidr', 'source-ip', { cidr: '10.0.0.0/24' }, true],
    ['cidr elsewhere', 'source-ip', { cidr: '10.0.1.0/24' }, false],
    ['wildcard', 'FileName', { wildcard: 'pictures/*/*.PNG' }, true],
    ['wildcard that wants more than there is', 'state', { wildcard: 'terminated*d' }, false],
    ['wildcard that stands for nothing', 'state', { wildcard: '*terminated*' }, true],
  ])('%s', (_name, field, condition, expected) => expect(detail(field, condition)).toBe(expected));

  it('takes an escaped star and backslash for themselves', () => {
    expect(matches({ a: [{ wildcard: '1\\*2*\\\\' }] }, { a: '1*2 and \\' })).toBe(true);
    expect(matches({ a: [{ wildcard: '1\\*2' }] }, { a: '1x2' })).toBe(false);
  });

  it('matches addresses of the sixth version', () => {
    expect(matches({ ip: [{ cidr: '2001:db8::/32' }] }, { ip: '2001:db8:1::1' })).toBe(true);
    expect(matches({ ip: [{ cidr: '2001:db8::/32' }] }, { ip: '10.0.0.1' })).toBe(false);
  });
});

describe('arrays', () => {
  it('match where any element does', () => {
    expect(matches({ a: [{ prefix: 'x' }] }, { a: ['b', ['xy']] })).toBe(true);
    expect(matches({ a: [{ 'anything-but': 'b' }] }, { a: ['b', 'c'] })).toBe(true);
    expect(matches({ a: [{ 'anything-but': 'b' }] }, { a: ['b'] })).toBe(false);
  });

  it('of objects have to match in one element', () => {
    const people = {
      employees: [
        { first: 'Bill', last: 'Jones' },
        { first: 'Amy', last: 'Smith' },
      ],
    };
    expect(matches({ employees: { first: ['Amy'], last: ['Smith'] } }, people)).toBe(true);
    expect(matches({ employees: { first: ['Bill'], last: ['Smith'] } }, people)).toBe(false);
  });

  it('lack a field only where every element does', () => {
    expect(matches({ a: { b: [{ exists: false }] } }, { a: [{ c: 1 }, { b: 1 }] })).toBe(false);
    expect(matches({ a: { b: [{ exists: false }] } }, { a: [{ c: 1 }] })).toBe(true);
  });
});

describe('$or', () => {
  const metrics = {
    source: ['aws.cloudwatch'],
    $or: [
      { metricName: ['CPUUtilization'] },
      { metricType: ['M'], namespace: ['N'], $or: [{ id: [1] }, { space: [2] }] },
    ],
  };

  it.each([
    [{ source: 'aws.cloudwatch', metricName: 'CPUUtilization' }, true],
    [{ source: 'aws.cloudwatch', metricType: 'M', namespace: 'N', space: 2 }, true],
    [{ source: 'aws.cloudwatch', metricType: 'M', namespace: 'N' }, false],
    [{ source: 'other', metricName: 'CPUUtilization' }, false],
  ])('%j', (given, expected) => expect(matches(metrics, given)).toBe(expected));

  it('is a field like any other where it is no list of objects', () => {
    expect(matches({ $or: { a: [1] } }, { $or: { a: 1 } })).toBe(true);
  });
});

it('the complex example of the documentation', () => {
  const pattern = {
    time: [{ prefix: '2017-12-22' }],
    detail: {
      state: [{ 'anything-but': 'initializing' }],
      'c-count': [{ numeric: ['>', 0, '<=', 5] }],
      'd-count': [{ numeric: ['<', 10] }],
      'x-limit': [{ 'anything-but': [100, 200, 300] }],
      'source-ip': [{ cidr: '10.0.0.0/8' }],
    },
  };
  expect(matches(pattern)).toBe(true);
  expect(matches(pattern, { ...event, detail: { ...event.detail, 'c-count': 6 } })).toBe(false);
});

describe('a pattern is refused', () => {
  it.each<[string, unknown]>([
    ['no object', 'x'],
    ['empty', {}],
    ['an empty list', { a: [] }],
    ['a bare value', { a: 'x' }],
    ['an unknown operator', { a: [{ contains: 'x' }] }],
    ['two operators', { a: [{ prefix: 'x', suffix: 'y' }] }],
    ['a prefix of a number', { a: [{ prefix: 5 }] }],
    ['mixed anything-but', { a: [{ 'anything-but': ['x', 5] }] }],
    ['anything-but numeric', { a: [{ 'anything-but': { numeric: ['>', 1] } }] }],
    ['a wrong comparison', { a: [{ numeric: ['!', 5] }] }],
    ['an upper bound first', { a: [{ numeric: ['<', 5, '>', 1] }] }],
    ['an empty range', { a: [{ numeric: ['>', 5, '<', 5] }] }],
    ['a number that is too large', { a: [{ numeric: ['>', 6e9] }] }],
    ['two stars in a row', { a: [{ wildcard: 'a**b' }] }],
    ['a stray backslash', { a: [{ wildcard: 'a\\b' }] }],
    ['no address range', { a: [{ cidr: '10.0.0.0/33' }] }],
    ['exists with a text', { a: [{ exists: 'yes' }] }],
    ['a list within a list', { a: [['x']] }],
    ['$or with one alternative', { $or: [{ a: [1] }] }],
  ])('%s', (_name, pattern) => expect(() => compilePattern(pattern)).toThrow(PatternError));
});
