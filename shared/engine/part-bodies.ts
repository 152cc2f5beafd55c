/**
 * Bodies too large for an item, each under a name that is used once. Every method may be repeated; what nobody names any
 * more goes by itself after some days.
 */
export interface PartBodies {
  put(name: string, body: Uint8Array): Promise<void>;
  /** Nothing where there is none of that name. */
  get(name: string): Promise<Uint8Array | undefined>;
  drop(name: string): Promise<void>;
}
