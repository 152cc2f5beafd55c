import { createHmac, randomBytes } from 'node:crypto';

export const shopSecret = `shpss_${randomBytes(16).toString('hex')}`;
export const shop = {
  path: '/v1/webhooks/bench-shop',
  source: { platform: 'shopify', secrets: [shopSecret], currency: 'EUR', timeZone: 'Europe/Berlin' },
};

export interface SignedOrder {
  headers: Record<string, string>;
  body: string;
}

/**
 * Shopify's `orders/create` of a registered customer who bought three things, about 7 kB as Shopify sends it.
 * @param order numbers the order, @param customer the customer
 * @param at milliseconds since 1970
 */
export function signedOrder(order: number, customer: number, at: number, secret = shopSecret): SignedOrder {
  const body = JSON.stringify(shopifyOrder(order, customer, new Date(at).toISOString()));
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'x-shopify-topic': 'orders/create',
      'x-shopify-webhook-id': `bench-${order}`,
      'x-shopify-shop-domain': 'bench.myshopify.example',
      'x-shopify-hmac-sha256': createHmac('sha256', secret).update(body).digest('base64'),
    },
  };
}

function shopifyOrder(order: number, number: number, time: string) {
  const lines = [0, 1, 2].map((line) => lineItem(order, line));
  const cents = lines.reduce((sum, { cents }) => sum + cents, 495);
  const total = decimal(cents);
  const email = `bench-${number}@example.com`;
  const name = { first_name: `First${number}`, last_name: `Last${number}` };
  const address = {
    ...name,
    address1: `${number % 200} Long Street`,
    address2: null,
    phone: null,
    city: 'Berlin',
    zip: '10115',
    province: null,
    country: 'Germany',
    company: null,
    latitude: 52.52,
    longitude: 13.4,
    name: `${name.first_name} ${name.last_name}`,
    country_code: 'DE',
    province_code: null,
  };
  return {
    id: 5_000_000_000_000 + order,
    admin_graphql_api_id: `gid://shopify/Order/${5_000_000_000_000 + order}`,
    app_id: 580_111,
    browser_ip: '192.0.2.7',
    buyer_accepts_marketing: number % 2 === 0,
    cancelled_at: null,
    cart_token: `c1-${order}`,
    checkout_id: 30_000_000_000_000 + order,
    confirmed: true,
    contact_email: email,
    created_at: time,
    currency: 'EUR',
    current_subtotal_price: decimal(cents - 495),
    current_total_price: total,
    current_total_price_set: moneySet(cents),
    current_total_tax: decimal(Math.round(cents * 0.16)),
    customer_locale: 'de-DE',
    discount_codes: [],
    email,
    financial_status: 'paid',
    fulfillment_status: null,
    landing_site: '/?utm_source=newsletter',
    name: `#${order}`,
    note_attributes: [],
    number: order,
    order_number: order + 1000,
    payment_gateway_names: ['shopify_payments'],
    phone: null,
    presentment_currency: 'EUR',
    processed_at: time,
    source_name: 'web',
    subtotal_price: decimal(cents - 495),
    tags: '',
    tax_lines: [{ price: decimal(Math.round(cents * 0.16)), rate: 0.19, title: 'MwSt', channel_liable: false }],
    taxes_included: true,
    test: false,
    token: `t-${order}`,
    total_discounts: '0.00',
    total_line_items_price: decimal(cents - 495),
    total_price: total,
    total_price_set: moneySet(cents),
    total_shipping_price_set: moneySet(495),
    total_weight: 900,
    updated_at: time,
    billing_address: address,
    customer: {
      id: 7_000_000_000_000 + number,
      email,
      created_at: '2024-05-01T10:00:00+02:00',
      updated_at: time,
      ...name,
      state: 'enabled',
      note: null,
      verified_email: true,
      multipass_identifier: null,
      tax_exempt: false,
      phone: null,
      email_marketing_consent: null,
      sms_marketing_consent: null,
      tags: '',
      currency: 'EUR',
      admin_graphql_api_id: `gid://shopify/Customer/${7_000_000_000_000 + number}`,
      default_address: { id: 9_000_000_000_000 + number, customer_id: 7_000_000_000_000 + number, ...address },
    },
    fulfillments: [],
    line_items: lines.map(({ item }) => item),
    payment_terms: null,
    refunds: [],
    shipping_address: address,
    shipping_lines: [{ id: 4_000_000_000_000 + order, code: 'Standard', price: '4.95', title: 'Standard' }],
  };
}

function lineItem(order: number, line: number) {
  const cents = 990 + ((order * 37 + line * 1_301) % 9_000);
  const item = {
    id: 6_000_000_000_000 + order * 10 + line,
    admin_graphql_api_id: `gid://shopify/LineItem/${6_000_000_000_000 + order * 10 + line}`,
    current_quantity: 1,
    fulfillable_quantity: 1,
    fulfillment_service: 'manual',
    fulfillment_status: null,
    gift_card: false,
    grams: 300,
    name: `Article ${line} - large`,
    price: decimal(cents),
    price_set: moneySet(cents),
    product_exists: true,
    product_id: 800_000_000 + line,
    properties: [],
    quantity: 1,
    requires_shipping: true,
    sku: `SKU-${line}`,
    taxable: true,
    title: `Article ${line}`,
    total_discount: '0.00',
    total_discount_set: moneySet(0),
    variant_id: 900_000_000 + line,
    variant_inventory_management: 'shopify',
    variant_title: 'large',
    vendor: 'Bench',
    tax_lines: [{ price: decimal(Math.round(cents * 0.16)), rate: 0.19, title: 'MwSt', channel_liable: false }],
    duties: [],
    discount_allocations: [],
  };
  return { cents, item };
}

function moneySet(cents: number) {
  const money = { amount: decimal(cents), currency_code: 'EUR' };
  return { shop_money: money, presentment_money: money };
}

function decimal(cents: number): string {
  return `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
}
