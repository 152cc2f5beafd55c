import { afterAll, vi } from 'vitest';

/*
 * Before each file: files share processes, so that libraries are loaded once. What is the project's own is loaded anew,
 * as the clients in it belong to one engine; and the environment is given back as it was.
 */
vi.resetModules();
const before = { ...process.env };

afterAll(() => {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  Object.assign(process.env, before);
});
