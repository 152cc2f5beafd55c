import type { Platform } from '../domain/source.ts';
import type { Storefront } from '../engine/storefront.ts';
import { adobeCommerce } from './adobe-commerce.ts';
import { bigcommerce } from './bigcommerce.ts';
import { commercetools } from './commercetools.ts';
import { medusa } from './medusa.ts';
import { paypal } from './paypal.ts';
import { saleor } from './saleor.ts';
import { shopify } from './shopify.ts';
import { shopware } from './shopware.ts';
import { square } from './square.ts';
import { standard } from './standard.ts';
import { stripe } from './stripe.ts';
import { woocommerce } from './woocommerce.ts';

/** Every platform that a source can be of. */
export const storefronts: Record<Platform, Storefront> = {
  shopify,
  standard,
  'adobe-commerce': adobeCommerce,
  bigcommerce,
  commercetools,
  medusa,
  paypal,
  saleor,
  shopware,
  square,
  stripe,
  woocommerce,
};
