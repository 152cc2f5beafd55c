/** A place in a binary heap: the earliest `due` first, among equals the lowest `order`. */
export interface Place {
  due: number;
  order: number;
}

function before(a: Place, b: Place): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}

export function push<P extends Place>(heap: P[], place: P): void {
  let index = heap.push(place) - 1;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    const above = heap[parent] as P;
    if (!before(place, above)) break;
    heap[index] = above;
    heap[parent] = place;
    index = parent;
  }
}

/** Takes the first place away. */
export function pop<P extends Place>(heap: P[]): void {
  const last = heap.pop();
  if (!last || heap.length === 0) return;
  let index = 0;
  for (;;) {
    const left = 2 * index + 1;
    const right = left + 1;
    let least = left;
    if (right < heap.length && before(heap[right] as P, heap[left] as P)) least = right;
    if (least >= heap.length || !before(heap[least] as P, last)) break;
    heap[index] = heap[least] as P;
    index = least;
  }
  heap[index] = last;
}
