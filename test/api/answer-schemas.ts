import { Ajv2020 } from 'ajv/dist/2020.js';
import { httpEvent, lambdaContext } from '../http-event.ts';
import type { Answer } from './door.ts';

interface Schemas {
  document: Record<string, never>;
  /** Holds an answer to what the OpenAPI document says of its route. */
  check(routeKey: string, answer: Answer): void;
}

let known: Promise<Schemas> | undefined;

/** The document as the API shows it, with a check of answers against it. */
export function answerSchemas(): Promise<Schemas> {
  known ??= read();
  return known;
}

interface Response {
  $ref?: string;
  content?: Record<string, { schema: object }>;
}

async function read(): Promise<Schemas> {
  const { handler } = await import('../../functions/api/api.ts');
  const { body = '' } = await handler(httpEvent({ routeKey: 'GET /openapi.json' }), lambdaContext());
  const document = JSON.parse(body);
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema(document, 'api');

  return {
    document,
    check(routeKey, { status, headers, body: answered }) {
      const [method = '', path = ''] = routeKey.split(' ');
      const operation = document.paths[path]?.[method.toLowerCase()];
      if (!operation) return;
      let at = `/paths/${path.replaceAll('~', '~0').replaceAll('/', '~1')}/${method.toLowerCase()}/responses/${status}`;
      let response: Response | undefined = operation.responses[String(status)];
      if (!response) throw new Error(`${routeKey} answers ${status}, which the document does not name`);
      if (response.$ref) {
        at = response.$ref.slice(1);
        response = document.components.responses[at.split('/').at(-1) ?? ''];
      }
      const type = headers['content-type'];
      if (!response?.content) {
        if (answered !== undefined) throw new Error(`${routeKey} ${status} has a body that the document does not name`);
        return;
      }
      if (!type || !response.content[type]) throw new Error(`${routeKey} ${status} answers ${type}`);
      const escaped = encodeURIComponent(type.replaceAll('/', '~1'));
      const pointer = `api#${at.split('/').map(encodeURIComponent).join('/')}/content/${escaped}/schema`;
      const validate = ajv.getSchema(pointer);
      if (!validate) throw new Error(`no schema at ${pointer}`);
      if (!validate(answered))
        throw new Error(`${routeKey} ${status}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(answered)}`);
    },
  };
}
