import { describe, expect, it } from 'vitest';
import { bgNbd, fitBgNbd } from '../../../shared/domain/models/bg-nbd.ts';
import { anyTerms, type Fit } from '../../../shared/domain/models/fit.ts';
import { expectedMeanValue, fitGammaGamma } from '../../../shared/domain/models/gamma-gamma.ts';
import { fitMbgNbd, mbgNbd } from '../../../shared/domain/models/mbg-nbd.ts';
import { absent, hasSharedMaterial } from '../../shared-material.ts';
import { type CdnowCustomer, cdnowCustomers, countsOf } from './cdnow.ts';

const week = 7;

function expectPublished<Name extends string>(
  fit: Fit<Record<Name, number>>,
  right: Record<Name, number>,
  lnL: number,
) {
  if (!fit.fitted) throw new Error(fit.because);
  for (const name of Object.keys(right) as Name[])
    expect(Math.abs(fit.parameters[name] / right[name] - 1), name).toBeLessThan(0.001);
  expect(Math.abs(fit.logLikelihood - lnL)).toBeLessThan(0.001);
  expect(fit.edge).toEqual([]);
  return fit.parameters;
}

describe.skipIf(!hasSharedMaterial)(`the published fits of CDNOW${absent}`, () => {
  const customers: CdnowCustomer[] = hasSharedMaterial ? cdnowCustomers() : [];
  const counts = countsOf(customers.map(({ history }) => history));
  const spend = customers.map(({ history: { x }, zbar }) => ({ x, zbar, customers: 1 }));

  it('MBG/NBD', () => {
    const fit = fitMbgNbd(counts, anyTerms, week);
    expectPublished(fit, { r: 0.525, alpha: 6.183, a: 0.891, b: 1.614 }, -9582.136);
  });

  it('BG/NBD', () => {
    const fit = fitBgNbd(counts, anyTerms, week);
    expectPublished(fit, { r: 0.2425945, alpha: 4.4136019, a: 0.7929199, b: 2.4258881 }, -9582.429);
  });

  it('Gamma-Gamma', () => {
    const fit = fitGammaGamma(spend, anyTerms);
    expect(fit.customers).toBe(946);
    // Published with two decimals.
    if (!fit.fitted) throw new Error(fit.because);
    const { p, q, v } = fit.parameters;
    expect([p.toFixed(2), q.toFixed(2), v.toFixed(2)]).toEqual(['6.25', '3.74', '15.44']);
    expect(Math.abs(fit.logLikelihood + 4055.9177)).toBeLessThan(0.001);
  });

  it('is the same in days, in weeks and in years, but for the unit', () => {
    const [days, years] = [fitMbgNbd(counts, anyTerms), fitMbgNbd(counts, anyTerms, 365)];
    if (!days.fitted || !years.fitted) throw new Error('not fitted');
    expect(days.parameters.alpha / years.parameters.alpha / 365).toBeCloseTo(1, 8);
    expect(days.parameters.b / years.parameters.b).toBeCloseTo(1, 8);
    expect(days.logLikelihood - years.logLikelihood).toBeCloseTo(
      -customers.reduce((sum, { history }) => sum + history.x, 0) * Math.log(365),
      6,
    );
  });

  it('expects the published mean values', () => {
    const published = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17];
    published.forEach((right, index) => {
      const { history, zbar } = customers[index] as CdnowCustomer;
      const value = expectedMeanValue({ p: 6.25, q: 3.74, v: 15.44 }, history.x, zbar);
      expect(Math.abs(value - right)).toBeLessThan(0.1);
    });
  });

  it('tells rightly who will buy again as often as published', () => {
    const right = (model: typeof mbgNbd, fit: ReturnType<typeof fitMbgNbd>) => {
      if (!fit.fitted) throw new Error(fit.because);
      const hits = customers.filter(({ history: { x, tx, T }, later }) => {
        const alive = model.alive(fit.parameters, { x, tx: tx / week, T: T / week });
        return alive > 0.5 === later > 0;
      });
      return ((100 * hits.length) / customers.length).toFixed(1);
    };
    expect(right(mbgNbd, fitMbgNbd(counts, anyTerms, week))).toBe('77.5');
    expect(right(bgNbd, fitBgNbd(counts, anyTerms, week))).toBe('33.9');
  });
});

describe('BG/NBD', () => {
  it('expects 1.226 purchases of the first customer of CDNOW', () => {
    const parameters = { r: 0.2425945, alpha: 4.4136019, a: 0.7929199, b: 2.4258881 };
    const expected = bgNbd.expectedPurchases(parameters, { x: 2, tx: 30.43, T: 38.86 }, 39);
    expect(expected).toBeCloseTo(1.226, 3);
  });
});
