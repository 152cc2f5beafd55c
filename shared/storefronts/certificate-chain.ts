import { type KeyObject, X509Certificate } from 'node:crypto';
import { type Instant, millisecondsOf } from '../domain/instant.ts';

/** What a chain is checked against. */
export interface Trust {
  roots: readonly X509Certificate[];
  now: Instant;
  /** Whether a name of the certificate is that of the expected holder. */
  isHolder(name: string): boolean;
}

const mostCertificates = 10;

/**
 * The key of the first certificate in a PEM text, once it leads to a trusted root by the others, all of them are valid
 * now, and it is the expected holder's; else why not. Nothing where the text has no certificate, or lacks one on the way:
 * that proves nothing.
 */
export function trustedKey(
  pem: string,
  { roots, now, isHolder }: Trust,
): { key: KeyObject } | { refused: string } | undefined {
  const [leaf, ...others] = certificatesIn(pem);
  if (!leaf) return undefined;
  if (!namesOf(leaf).some(isHolder)) return { refused: 'the certificate is made out to somebody else' };
  let last = leaf;
  for (let step = 0; step < mostCertificates; step++) {
    if (!isValid(last, now)) return { refused: 'a certificate is not valid at this time' };
    if (roots.some((root) => isValid(root, now) && isIssuedBy(last, root))) return { key: leaf.publicKey };
    const issuer = others.find((other) => other !== last && isIssuedBy(last, other));
    if (!issuer) {
      const isComplete = [last, ...others, ...roots].some(({ subject }) => subject === last.issuer);
      return isComplete ? leadsNowhere : undefined;
    }
    last = issuer;
  }
  return leadsNowhere;
}

const leadsNowhere = { refused: 'the certificate leads to no root that is trusted' };

function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.slice(0, mostCertificates).map((block) => new X509Certificate(block));
  } catch {
    return [];
  }
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function isValid({ validFrom, validTo }: X509Certificate, now: Instant): boolean {
  const at = millisecondsOf(now);
  return Date.parse(validFrom) <= at && at <= Date.parse(validTo);
}

/** Where there are alternative names, the common name does not count (RFC 6125). */
function namesOf({ subject, subjectAltName }: X509Certificate): string[] {
  if (subjectAltName !== undefined)
    return [...subjectAltName.matchAll(/(?:^|, )DNS:([^,"]+)/g)].map(([, name = '']) => name);
  return [...subject.matchAll(/^CN=(.+)$/gm)].map(([, name = '']) => name);
}
