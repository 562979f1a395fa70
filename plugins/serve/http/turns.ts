/** Runs one task at a time, in the order in which they came. */
export interface Turns {
  take<T>(task: () => Promise<T>): Promise<T>;
}

export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return {
    take(task) {
      const turn = last.then(task);
      last = turn.catch(() => {});
      return turn;
    },
  };
}
