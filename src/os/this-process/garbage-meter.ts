/**
 * Returns a function that takes the position in a stream and collects garbage after every `everyBytes` bytes.
 * The runtime alone would let tens of megabytes accumulate.
 */
export function createGarbageMeter(everyBytes = 8 * 2 ** 20): (position: number) => void {
  let last: number | undefined;
  return (position) => {
    last ??= position;
    if (position - last < everyBytes) return;
    last = position;
    Bun.gc(true);
  };
}
