/**
 * The keys of a project in the order of S3: by their bytes in UTF-8. Keys are kept as texts with one character for
 * each byte, whose order is that of the bytes.
 */
export interface SortedKeys {
  add(key: string): void;
  delete(key: string): void;
  list(options: ListOptions): KeyPage;
}

export interface ListOptions {
  readonly prefix: string;
  /** Keys up to and including this one are left out, and common prefixes likewise. */
  readonly after: string;
  /** Keys that have it behind the prefix are listed as one common prefix. Empty: none. */
  readonly delimiter: string;
  /** Maximum number of keys and common prefixes. */
  readonly most: number;
  /**
   * What stands in place of the keys' first step, up to its slash, for all of the above and for the page's prefixes.
   * Left out: the step itself. All keys have the same one, so that the order is the same.
   */
  readonly head?: string;
}

export interface KeyPage {
  /** As they are stored. */
  readonly keys: readonly string[];
  readonly prefixes: readonly string[];
  /** The last key or common prefix of this page when more follow. */
  readonly next: string | undefined;
}

export function createSortedKeys(initial: Iterable<string>): SortedKeys {
  const order = Array.from(initial, toBytes).sort(compare);
  return {
    add(key) {
      const bytes = toBytes(key);
      const at = findFirst(order, bytes);
      if (order[at] !== bytes) order.splice(at, 0, bytes);
    },
    delete(key) {
      const bytes = toBytes(key);
      const at = findFirst(order, bytes);
      if (order[at] === bytes) order.splice(at, 1);
    },
    list: (options) => list(order, options),
  };
}

function list(order: readonly string[], options: ListOptions): KeyPage {
  const [prefix, after, delimiter] = [options.prefix, options.after, options.delimiter].map(toBytes) as [
    string,
    string,
    string,
  ];
  const [keys, prefixes]: [string[], string[]] = [[], []];
  const { head } = options;
  const show = (key: string) => (head === undefined ? key : head + key.slice(key.indexOf("/")));
  const find = (bytes: string) => findFirst(order, bytes, show);
  let last = "";
  let at = Math.max(find(prefix), after === "" ? 0 : find(`${after}\0`));
  for (;;) {
    const stored = order[at];
    const key = stored === undefined ? undefined : show(stored);
    if (key === undefined || !key.startsWith(prefix)) return { keys, prefixes, next: undefined };
    const end = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
    const common = end === -1 ? undefined : key.slice(0, end + delimiter.length);
    // A page that ended with a common prefix continues behind all of its keys.
    const isListed = common === undefined || !after.startsWith(common);
    if (isListed && keys.length + prefixes.length >= options.most)
      return { keys, prefixes, next: toText(last) };
    if (isListed) {
      last = common ?? key;
      if (common === undefined) keys.push(toText(stored!));
      else prefixes.push(toText(common));
    }
    at = common === undefined ? at + 1 : find(`${common.slice(0, -1)}${follow(common)}`);
  }
}

/** The character behind the last one of a text, so that a text with it sorts behind all that begin with `text`. */
function follow(text: string): string {
  return String.fromCodePoint(text.charCodeAt(text.length - 1) + 1);
}

/** The index of the first key that is not before `bytes`, as it is shown. */
function findFirst(order: readonly string[], bytes: string, show = (key: string) => key): number {
  let [low, high] = [0, order.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (show(order[middle]!) < bytes) low = middle + 1;
    else high = middle;
  }
  return low;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function toBytes(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

function toText(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}
