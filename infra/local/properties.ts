import { StartError } from './start-error.ts';
import type { Resource } from './template.ts';

/**
 * The resolved properties of a resource, of which the local stack runs only the known ones.
 * @throws StartError naming each property that would be ignored although it matters at run time
 */
export function knownProperties<Properties extends object>(
  resource: Resource,
  known: readonly (keyof Properties & string)[],
  meaningless: readonly string[] = [],
): Properties {
  const properties = resource.properties();
  const unknown = Object.keys(properties).filter(
    (name) => !(known as readonly string[]).includes(name) && !meaningless.includes(name) && name !== 'Tags',
  );
  if (unknown.length > 0)
    throw new StartError(
      `the local stack does not know what ${resource.label} (${resource.type}) means by ${unknown.join(', ')}`,
    );
  return properties as Properties;
}
