/** An exact amount in minor units (cents, yen, fils) of an ISO 4217 currency. */
export interface Money {
  minor: bigint;
  currency: string;
}

/** Decimals by ISO 4217 where they are not two. */
const decimals: Record<string, number> = {
  BIF: 0,
  CLP: 0,
  DJF: 0,
  GNF: 0,
  ISK: 0,
  JPY: 0,
  KMF: 0,
  KRW: 0,
  PYG: 0,
  RWF: 0,
  UGX: 0,
  UYI: 0,
  VND: 0,
  VUV: 0,
  XAF: 0,
  XOF: 0,
  XPF: 0,
  BHD: 3,
  IQD: 3,
  JOD: 3,
  KWD: 3,
  LYD: 3,
  OMR: 3,
  TND: 3,
  CLF: 4,
  UYW: 4,
};

/** JEP, GGP and IMP are no codes of ISO 4217, but shops there sell in them. */
const twoDecimals =
  'AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF ' +
  'CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GGP GHS GIP GMD GTQ GYD HKD HNL HRK HTG ' +
  'HUF IDR ILS IMP INR IRR JEP JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK ' +
  'MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE ' +
  'SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG ZWL';

const known = new Set([...Object.keys(decimals), ...twoDecimals.split(' ')]);

/** ISO 4217's code where no currency is meant: of amounts before there is a base currency, all of them zero. */
export const noCurrency = 'XXX';

export function isCurrency(code: string): boolean {
  return known.has(code);
}

/** The number of decimals of a currency by ISO 4217. */
export function decimalsOf(currency: string): number {
  return decimals[currency] ?? 2;
}

/** No amount in one order may reach this many minor units: what is larger is a mistake, not a sale. */
const bound = 10n ** 13n;

/**
 * Reads exact decimal text: `181.09`, `1000`, `10.0000`. Zeros beyond the currency's decimals are let through.
 * Nothing where the text is no plain decimal number, is finer than the currency, or absurdly large.
 */
export function parseMoney(text: string, currency: string): Money | undefined {
  const match = /^(-?)(\d{1,20})(?:\.(\d{1,20}))?$/.exec(text);
  if (!match || !isCurrency(currency)) return undefined;
  const [, sign, whole = '', fraction = ''] = match;
  const places = decimalsOf(currency);
  if (/[1-9]/.test(fraction.slice(places))) return undefined;
  const minor = BigInt(whole + fraction.slice(0, places).padEnd(places, '0'));
  if (minor >= bound) return undefined;
  return { minor: sign ? -minor : minor, currency };
}

/**
 * Reads decimal text finer than the currency, `59.899999999999999995` or `5e-18`, rounded half to even: for sources that
 * reckon with more decimals than anybody pays. Nothing where it is no number or absurdly large.
 */
export function roundMoney(text: string, currency: string): Money | undefined {
  const match = /^(-?)(\d{1,20})(?:\.(\d{1,40}))?(?:[eE]([+-]?\d{1,2}))?$/.exec(text);
  if (!match || !isCurrency(currency)) return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const shift = decimalsOf(currency) + Number(exponent) - fraction.length;
  const digits = BigInt(whole + fraction);
  const minor = shift >= 0 ? digits * 10n ** BigInt(shift) : scale(digits, 1n, 10n ** BigInt(-shift));
  if (minor >= bound) return undefined;
  return { minor: sign ? -minor : minor, currency };
}

/** Exact decimal text with all of the currency's decimals. */
export function decimalText({ minor, currency }: Money): string {
  const places = decimalsOf(currency);
  const digits = (minor < 0n ? -minor : minor).toString().padStart(places + 1, '0');
  const text = places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`;
  return minor < 0n ? `-${text}` : text;
}

/** `amount × numerator ÷ denominator`, rounded half to even. The denominator is positive. */
export function scale(amount: bigint, numerator: bigint, denominator: bigint): bigint {
  const product = amount * numerator;
  let quotient = product / denominator;
  let rest = product % denominator;
  if (rest < 0n) {
    quotient -= 1n;
    rest += denominator;
  }
  const twice = rest * 2n;
  return twice > denominator || (twice === denominator && quotient % 2n !== 0n) ? quotient + 1n : quotient;
}
