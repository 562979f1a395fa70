/**
 * Returns a function that is called with the position in a stream and collects garbage each time when so many
 * bytes have passed. The pieces of a flood are large and soon unused, and the runtime alone lets tens of
 * megabytes pile up.
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
