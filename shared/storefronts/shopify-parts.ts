import { parseMoney } from '../domain/money.ts';
import type { OrderedItem, Snapshot } from '../domain/order.ts';
import { orderedItems, part, parts } from './fields.ts';
import type { ShopifyOrder, ShopifyRefund } from './shopify-shapes.ts';

/**
 * Tax, discount and items that belong to a total before refunds. What Shopify calls current is without what came back: for
 * an order that was not edited what was said when it was placed holds, for an edited one what is left, and what came back
 * for money.
 * @param isEdited whether the total is another than that of the order as it was placed
 * @param returned refunds that paid something back
 */
export function partsOf(
  order: ShopifyOrder,
  { isEdited, returned }: { isEdited: boolean; returned: readonly ShopifyRefund[] },
): Pick<Snapshot, 'tax' | 'shipping' | 'discount'> & { items?: OrderedItem[] } {
  const { currency: code, line_items: lines } = order;
  const goods = returned.flatMap(({ refund_line_items }) => refund_line_items ?? []);
  const [tax, taxLeft] = [part(order.total_tax, code), part(order.current_total_tax, code)];
  const [discount, discountLeft] = [part(order.total_discounts, code), part(order.current_total_discounts, code)];
  return {
    ...parts({
      tax: isEdited && taxLeft !== undefined ? taxLeft + taxBack(returned, code) : (tax ?? taxLeft),
      shipping: part(order.total_shipping_price_set?.shop_money?.amount, code),
      discount: isEdited && goods.length === 0 ? (discountLeft ?? discount) : (discount ?? discountLeft),
    }),
    ...orderedItems(
      (lines ?? []).map(({ id, title, name, sku, price, quantity, current_quantity: left, product_type }) => ({
        title: title ?? name,
        quantity: isEdited && left != null ? Number(left) + piecesOf(goods, id) : quantity,
        unitPrice: part(price, code),
        sku,
        category: product_type,
      })),
    ),
  };
}

type Goods = NonNullable<ShopifyRefund['refund_line_items']>;

function piecesOf(goods: Goods, lineId: string | null | undefined): number {
  const ofLine = goods.filter(({ line_item_id }) => line_item_id != null && line_item_id === lineId);
  return ofLine.reduce((sum, { quantity }) => sum + Number(quantity ?? 0), 0);
}

function taxBack(returned: readonly ShopifyRefund[], code: string): bigint {
  const said = returned.flatMap(({ refund_line_items, order_adjustments }) => [
    ...(refund_line_items ?? []).map(({ total_tax }) => total_tax),
    ...(order_adjustments ?? []).map(({ tax_amount }) => tax_amount),
  ]);
  return said.reduce((sum, text) => {
    const minor = parseMoney(text ?? '0', code)?.minor ?? 0n;
    return sum + (minor < 0n ? -minor : minor);
  }, 0n);
}
