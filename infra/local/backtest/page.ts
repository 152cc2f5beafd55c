import type { BacktestReport, ForecastReport } from '../../../shared/contracts/backtest.ts';
import { figure as htmlFigure, htmlPage, legendOf } from '../page/page.ts';
import { escaped } from '../page/plot.ts';
import { whole } from '../page/text.ts';
import { alivePlot, countPlot, cumulativePlot, decileCeiling, decilePlot, gainsPlot } from './plots.ts';
import { modelLine } from './print.ts';

/** The figures as a page. @param remarks what the reader should know before believing them */
export function pageOf(report: BacktestReport, remarks: readonly string[]): string {
  const { holdout, until, horizonDays, customers, alive } = report;
  const most = decileCeiling([holdout.mbgNbd, holdout.naiveRate]);
  const unfitted = [...(holdout.mbgNbd ? [] : ['mbg']), ...(holdout.bgNbd ? [] : ['bg'])];
  const legend = (kinds: readonly string[]) => legendOfKinds(kinds.filter((kind) => !unfitted.includes(kind)));
  const byModel = holdout.mbgNbd
    ? ' Up to the cut MBG/NBD shows what it would expect of customers of whom only the age is known; after it, what it forecasts for each.'
    : '';
  const title = `Backtest at ${until}`;
  const main = `<header>
<h1>${title}</h1>
<p class="lead">${lead(report)}</p>
<p class="quiet">${whole(customers)} customers, ${whole(report.repeatPurchases)} repeat purchases up to ${until}; compared with the ${horizonDays} days after it. ${escaped(remarks.join(' '))}</p>
</header>
${table(report)}
${figure('What came, and what was expected', legend(['actual', 'mbg', 'naive']), cumulativePlot(report), `Repeat purchases of all customers, added up by week.${byModel}`)}
${figure('By purchases before the cut', legend(['actual', 'mbg', 'bg', 'naive']), countPlot(report), 'A forecast is calibrated where its dots lie on top of the bars.')}
<div class="pair">
${holdout.mbgNbd ? figure('MBG/NBD, by tenths', legend(['actual', 'mbg']), decilePlot(holdout.mbgNbd, 'mbg', most), 'Customers in ten equal groups by what MBG/NBD expects of them.') : ''}
${figure('The rate so far, by tenths', legend(['actual', 'naive']), decilePlot(holdout.naiveRate, 'naive', most), 'The same by the rate so far, on the same scale.')}
</div>
<div class="pair">
${alive ? figure('Who is still a customer', legend(['back', 'gone']), alivePlot(alive), 'By MBG/NBD at the cut, and who bought again after it. Whoever is alive need not buy within the horizon.') : ''}
${holdout.actual > 0 ? figure('The best customers', legend(['mbg', 'naive', 'chance']), gainsPlot(report), 'The models’ gain is calibration more than ranking: by rank alone, simple rates often do as well.') : ''}
</div>
<section class="models">
<h2>The fits</h2>
<dl>
<dt>MBG/NBD</dt><dd>${escaped(modelLine(report.models.mbgNbd))}</dd>
<dt>BG/NBD</dt><dd>${escaped(modelLine(report.models.bgNbd))}</dd>
<dt>Gamma-Gamma</dt><dd>${escaped(modelLine(report.models.gammaGamma))}</dd>
</dl>
<p class="quiet">Maximum likelihood, time in weeks, ± standard error. All figures are in <code>backtest.json</code>.</p>
</section>`;
  return htmlPage(title, main);
}

function lead({ holdout }: BacktestReport): string {
  const { actual, mbgNbd, naiveRate } = holdout;
  const compared = ({ total }: ForecastReport) =>
    actual === 0 ? whole(total) : `${whole(total)} (${Math.round((100 * total) / actual)} %)`;
  const model = mbgNbd ? `MBG/NBD expected <strong>${compared(mbgNbd)}</strong>` : 'MBG/NBD could not be fitted';
  return `<strong>${whole(actual)}</strong> purchases came. ${model}; “the rate so far goes on” would have said ${compared(naiveRate)}.`;
}

function table({ holdout }: BacktestReport): string {
  const rows: [string, string, ForecastReport | null][] = [
    ['mbg', 'MBG/NBD', holdout.mbgNbd],
    ['bg', 'BG/NBD', holdout.bgNbd],
    ['naive', 'the rate so far', holdout.naiveRate],
    ['chance', 'nobody returns', holdout.zero],
  ];
  const cells = ({ total, bias, rmse, mae, correlation, topDecileShare }: ForecastReport) => [
    whole(total),
    bias.toFixed(3),
    rmse.toFixed(3),
    mae.toFixed(3),
    correlation === null ? '–' : correlation.toFixed(3),
    topDecileShare === null ? '–' : `${(100 * topDecileShare).toFixed(1)} %`,
  ];
  const body = rows.map(([kind, name, one]) => {
    const figures = one ? cells(one).map((cell) => `<td>${cell}</td>`) : ['<td colspan="6">not fitted</td>'];
    return `<tr><th scope="row"><i class="swatch ${kind}"></i>${name}</th>${figures.join('')}</tr>`;
  });
  return `<div class="scroll"><table>
<thead><tr><th scope="col">forecast</th><th scope="col">total</th><th scope="col" title="mean of expected − actual">bias</th><th scope="col">RMSE</th><th scope="col">MAE</th><th scope="col">correlation</th><th scope="col">top 10 % hold</th></tr></thead>
<tbody>${body.join('')}</tbody>
</table></div>`;
}

const names: Record<string, string> = {
  actual: 'what came',
  mbg: 'MBG/NBD',
  bg: 'BG/NBD',
  naive: 'the rate so far',
  chance: 'by chance',
  back: 'bought again',
  gone: 'did not',
};

function legendOfKinds(kinds: readonly string[]): string {
  return legendOf(Object.fromEntries(kinds.map((kind) => [kind, names[kind] ?? kind])));
}

function figure(title: string, key: string, svg: string, caption: string): string {
  return htmlFigure({ title, legend: key, svg, caption });
}
