/** One page of a list, with the number of all matches. */
export interface Page<T> {
  readonly total: number;
  readonly items: readonly T[];
}

/** A type rather than an interface, so that it may stand for a query, which has any names. */
export type PageQuery = {
  /** 1 to 100. */
  readonly limit?: number;
  /** Items to skip. */
  readonly offset?: number;
};

/** The most that the manager gives at once. */
export const PAGE_SIZE_MAX = 100;

/**
 * All items of a list, page by page. Objects that come or go while it runs may be missed or, were it not for their
 * key, seen twice.
 */
export async function* iteratePages<T>(
  readPage: (page: Required<PageQuery>) => Promise<Page<T>>,
  keyOf: (item: T) => string | number,
): AsyncGenerator<T, void> {
  const seen = new Set<string | number>();
  for (let offset = 0; ; ) {
    const { total, items } = await readPage({ limit: PAGE_SIZE_MAX, offset });
    for (const item of items) {
      const key = keyOf(item);
      if (seen.has(key)) continue;
      seen.add(key);
      yield item;
    }
    offset += items.length;
    if (items.length === 0 || offset >= total) return;
  }
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
