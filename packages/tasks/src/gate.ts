/** Lets a bounded number of pieces of work through at a time, in the order they came. */
export function createGate(width: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = width;
  const queue: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => queue.push(resolve));
    try {
      return await work();
    } finally {
      const next = queue.shift();
      // The place is handed on without becoming free in between, so nobody can overtake.
      if (next === undefined) free += 1;
      else next();
    }
  };
}
