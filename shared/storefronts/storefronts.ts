import type { Platform } from '../domain/source.ts';
import type { Storefront } from '../engine/storefront.ts';
import { bigcommerce } from './bigcommerce.ts';
import { commercetools } from './commercetools.ts';
import { medusa } from './medusa.ts';
import { shopify } from './shopify.ts';
import { standard } from './standard.ts';

/** Every platform that a source can be of. */
export const storefronts: Record<Platform, Storefront> = {
  shopify,
  standard,
  bigcommerce,
  commercetools,
  medusa,
};
