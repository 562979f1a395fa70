/** Polls until the value exists. The test's own time-out limits it. */
export async function until<T>(find: () => T | undefined | false): Promise<T> {
  for (;;) {
    const found = find();
    if (found !== undefined && found !== false) return found;
    await Bun.sleep(2);
  }
}
