import * as fs from "node:fs";
import { dirname, join } from "node:path";

/** A directory beside the state directory, which nothing may touch, with what mutations use. */
export interface Outside {
  readonly path: string;
  /** A FIFO, a socket on which a process listens and never answers, and, for root, a device. */
  readonly specials: readonly string[];
}

export type Random = (below: number) => number;

/** Creates a generator of numbers; the same seed gives the same numbers. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Changes one to four entries below a state directory as a hostile job could. Returns a description of each change. */
export function mutate(state: string, outside: Outside, random: Random): Map<string, string> {
  const changed = new Map<string, string>();
  for (let left = 1 + random(4); left > 0; left -= 1) {
    const target = chooseTarget(state, random);
    const [name, change] = pick(changes, random);
    // A change that fails may have done a part.
    changed.set(target, [changed.get(target) ?? "", name].join(" "));
    try {
      change(target, outside, random);
    } catch (error) {
      // An earlier change has replaced a directory of the path.
      const { code } = error as NodeJS.ErrnoException;
      if (
        !["ENOENT", "ENOTDIR", "ELOOP", "EISDIR", "ENXIO", "EACCES", "EEXIST", "EPERM"].includes(code ?? "")
      )
        throw error;
    }
  }
  return changed;
}

function pick<T>(list: readonly T[], random: Random): T {
  return list[random(list.length)]!;
}

/** An existing entry, or the name of a file that could be there. */
function chooseTarget(state: string, random: Random): string {
  const found = walk(state);
  if (found.length === 0) return join(state, "agents");
  const target = pick(found, random);
  if (random(4) > 0) return target;
  const directory = fs.lstatSync(target).isDirectory() ? target : dirname(target);
  return join(directory, pick(names, random));
}

/** Lists everything below a directory. Mutations stay there: links are not followed. */
function walk(directory: string): string[] {
  return list(directory)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      return entry.isDirectory() ? [path, ...walk(path)] : [path];
    });
}

/** Empty for a directory that an earlier change has closed to this user. */
function list(directory: string): fs.Dirent[] {
  try {
    return fs.readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

const names = [
  ..."request.json process.json lock events.ndjson result.json delivery.json failure.json process.log".split(
    " ",
  ),
  ..."result.json.new status.sock agent-id.json slot-7 jobs run registration.json assignment.json".split(" "),
];

type Change = readonly [name: string, apply: (target: string, outside: Outside, random: Random) => void];

const clear = (target: string) => fs.rmSync(target, { recursive: true, force: true });

/** Replaces the content; an entry that is no file is replaced by one. */
function fill(target: string, content: string | Uint8Array): void {
  if (!isOwnFile(target)) clear(target);
  fs.writeFileSync(target, content);
}

/** Whether an entry is a file without another name: the mutations themselves must not touch what is outside. */
function isOwnFile(target: string): boolean {
  const entry = fs.lstatSync(target, { throwIfNoEntry: false });
  return entry?.isFile() === true && entry.nlink === 1;
}

function changeMode(target: string, mode: number): void {
  if (isOwnFile(target) || fs.lstatSync(target).isDirectory()) fs.chmodSync(target, mode);
}

const changes: readonly Change[] = [
  [
    "special",
    (target, { specials }, random) => {
      clear(target);
      fs.linkSync(pick(specials, random), target);
    },
  ],
  [
    "link",
    (target, { path }, random) => {
      clear(target);
      const place = pick(
        [...linkTargets, join(path, "file"), join(path, "directory"), target, dirname(target)],
        random,
      );
      fs.symlinkSync(place, target);
    },
  ],
  [
    "directory",
    (target, _, random) => {
      clear(target);
      fs.mkdirSync(random(2) ? target : join(target, "deep", "deeper"), { recursive: true });
      if (random(2)) fs.writeFileSync(join(target, "file"), "x");
    },
  ],
  [
    "hard link",
    (target, { path }) => {
      clear(target);
      fs.linkSync(join(path, "file"), target);
    },
  ],
  [
    "garbage",
    (target, _, random) =>
      fill(
        target,
        Uint8Array.from({ length: random(5000) }, () => random(256)),
      ),
  ],
  ["empty", (target) => fill(target, "")],
  ["NUL bytes", (target, _, random) => fill(target, new Uint8Array(random(100_000)))],
  [
    "truncated",
    (target, _, random) => {
      if (isOwnFile(target)) fs.truncateSync(target, random(fs.statSync(target).size % 2 ** 20));
    },
  ],
  [
    "sparse",
    (target, _, random) => {
      if (!isOwnFile(target)) fill(target, "");
      fs.truncateSync(target, random(4) > 0 ? 2 ** 20 : 10 * 2 ** 30);
    },
  ],
  [
    "deep",
    (target, _, random) => fill(target, pick(['{"version":1,"document":', ""], random) + "[".repeat(200_000)),
  ],
  [
    "foreign document",
    (target, _, random) => fill(target, JSON.stringify({ version: 1, document: toValue(random, 3) })),
  ],
  ["foreign JSON", (target, _, random) => fill(target, JSON.stringify(toValue(random, 4)))],
  [
    "events of any type",
    (target, _, random) =>
      fill(target, Array.from({ length: random(20) }, () => `${JSON.stringify(toEvent(random))}\n`).join("")),
  ],
  ["newer", (target) => fill(target, '{"version":2,"document":{}}')],
  ["unreadable", (target) => changeMode(target, 0)],
  ["open to all", (target) => changeMode(target, 0o777)],
  ["removed", clear],
];

const linkTargets = [
  "/dev/zero",
  "/dev/full",
  "/dev/null",
  "/dev/tty",
  "/proc/self/mem",
  "/nowhere",
  "/",
  "..",
];

function toEvent(random: Random): unknown {
  return Object.fromEntries([
    [
      "event",
      pick(["job_started", "cmd_started", "cmd_output", "cmd_finished", "job_finished", "other"], random),
    ],
    ...["timestamp", "directive", "output", "result", "exit_code"].map((key) => [key, toValue(random, 2)]),
  ]);
}

/** Any JSON value, often with the keys of real documents. */
function toValue(random: Random, depth: number): unknown {
  const kind = random(depth > 0 ? 9 : 6);
  if (kind === 0) return null;
  if (kind === 1) return pick([0, -1, 1.5, 2 ** 31, 1e300, -1e300, 2 ** 53], random);
  if (kind === 2) return random(2) === 0;
  if (kind < 6)
    return pick(["", "passed", "x", "../../x", "\u001b[2J", "\u0000", "é".repeat(random(300))], random);
  if (kind === 6) return Array.from({ length: random(4) }, () => toValue(random, depth - 1));
  return Object.fromEntries(
    Array.from({ length: random(8) }, () => [pick(keys, random), toValue(random, depth - 1)]),
  );
}

const keys =
  "id name executor env files commands logger callbacks method url token result durationMs log events bytes droppedBytes checksum usage event offset pid bootId socket secret cookie value version document reason startTime slots __proto__".split(
    " ",
  );
