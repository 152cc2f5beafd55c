import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp } from '../../infra/app.ts';

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** A resource of a template; what it says is read by {@link at}. */
export interface Resource {
  id: string;
  type: string;
  properties: Json;
  metadata: Json;
  deletionPolicy: string | undefined;
  updateReplacePolicy: string | undefined;
}

export interface Templates {
  data: Resource[];
  engine: Resource[];
  /** Rules by which CloudFormation refuses to deploy the engine. */
  rules: Json;
}

/** Synthesises both stacks without bundling. */
export function synthesise(context: Record<string, unknown> = {}): Templates {
  const outdir = mkdtempSync(join(tmpdir(), 'rapport-synth-'));
  try {
    const { stacks } = createApp({ outdir, context: { 'aws:cdk:bundling-stacks': [], ...context } }).synth();
    const [data, engine] = stacks.map(({ template }) => template);
    if (!data || !engine) throw new Error('the app has two stacks');
    return { data: resourcesOf(data), engine: resourcesOf(engine), rules: engine.Rules };
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

function resourcesOf(template: { Resources: Record<string, Record<string, Json>> }): Resource[] {
  return Object.entries(template.Resources).map(([id, resource]) => ({
    id,
    type: String(resource.Type),
    properties: resource.Properties ?? {},
    metadata: resource.Metadata ?? {},
    deletionPolicy: resource.DeletionPolicy as string | undefined,
    updateReplacePolicy: resource.UpdateReplacePolicy as string | undefined,
  }));
}

export function ofType(resources: Resource[], type: string): Resource[] {
  return resources.filter((resource) => resource.type === type);
}

/** The value at a path of keys; null where there is none. */
export function at(value: Json, ...path: (string | number)[]): Json {
  return path.reduce<Json>(
    (inner, key) =>
      inner !== null && typeof inner === 'object' ? ((inner as Record<string, Json>)[key] ?? null) : null,
    value,
  );
}

export function list(value: Json): Json[] {
  if (value === null) return [];
  return Array.isArray(value) ? value : [value];
}

/** Logical id that a `Ref` or `Fn::GetAtt` leads to. */
export function target(value: Json): string {
  const id = at(value, 'Ref') ?? at(value, 'Fn::GetAtt', 0);
  if (typeof id !== 'string') throw new Error(`${JSON.stringify(value)} refers to no resource of its stack`);
  return id;
}

export function byId(resources: Resource[], id: string): Resource {
  const found = resources.find((resource) => resource.id === id);
  if (!found) throw new Error(`no resource ${id}`);
  return found;
}

export function functionsOf(resources: Resource[]): Resource[] {
  return ofType(resources, 'AWS::Lambda::Function');
}

/** `webhooks/receive` of the function whose entry is `functions/webhooks/receive.ts`. */
export function entryOf({ metadata }: Resource): string {
  return String(at(metadata, 'rapport:entry')).replace(/^functions\/(.+)\.ts$/, '$1');
}

export function functionOf(resources: Resource[], entry: string): Resource {
  const found = functionsOf(resources).find((resource) => entryOf(resource) === entry);
  if (!found) throw new Error(`no function of ${entry}`);
  return found;
}
