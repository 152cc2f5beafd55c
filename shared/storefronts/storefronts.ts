import type { Platform } from '../domain/source.ts';
import type { Storefront } from '../engine/storefront.ts';
import { shopify } from './shopify.ts';
import { square } from './square.ts';
import { standard } from './standard.ts';
import { stripe } from './stripe.ts';
import { woocommerce } from './woocommerce.ts';

/** Every platform that a source can be of. */
export const storefronts: Record<Platform, Storefront> = { shopify, standard, square, stripe, woocommerce };
