// Makes the pictures of the command line in `docs/images`, with the built program in terminals of tmux, and those of
// the page (`e2e/page/screenshots.ts`): `bun e2e/pictures/main.ts [<picture>…]`, such as `run` or `page`.

import { mkdirSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { binary, createTester, root } from "../support/fixtures.ts";
import { type Frame, record } from "./recording.ts";
import type { Screen } from "./screen.ts";
import { toSvg } from "./svg.ts";

interface Picture {
  readonly title: string;
  /** What the reader sees, and what runs when that is another line. */
  readonly line: string;
  readonly command?: string;
  readonly rows: number;
  /** Only the last screen is shown. */
  readonly isStill?: boolean;
  /** Text of the frames that are shown. Default: all are. */
  readonly text?: string;
  act?(screen: Screen): Promise<void>;
}

const columns = 100;
const wanted = process.argv.slice(2);
const isWanted = (name: string): boolean => wanted.length === 0 || wanted.includes(name);

await using tester = await createTester({ hasJobUsers: false });
using home = makeHome();
const hub = tester.start(["hub", "--port", "0", "--sync-interval", "300-600"]);
await hub.shows("to start an agent: ");
const [, endpoint = "", token = ""] = /listening on (\S+)\s+registration token: (\S+)/.exec(hub.stdout)!;
const env = {
  HOME: home.path,
  LANG: "C.UTF-8",
  PATH: `${path.dirname(binary)}:${path.dirname(process.execPath)}:${process.env.PATH}`,
  TMPDIR: path.join(home.path, "tmp"),
  SEMAPHORE_AGENT_ENDPOINT: endpoint,
  SEMAPHORE_AGENT_NO_HTTPS: "true",
  SEMAPHORE_AGENT_TOKEN: token,
  SIGNALMAN_HUB: `http://${endpoint}`,
};
const agent = tester.start(["start", "--slots", "2", "--slot-home", "shared", "--name", "builders"], { env });
await agent.shows("registered as builders-1");
await agent.shows("registered as builders-2");
await writeFiles(home.path);

const pictures: Readonly<Record<string, Picture>> = {
  demo: {
    title: "an agent is killed, and its job continues",
    line: "npm run demo",
    command: `cd '${root}' && bun scripts/demo.ts`,
    rows: 26,
  },
  run: {
    title: "a job that fails, and a table of its commands",
    line: "signalman run job.yaml --summary",
    rows: 44,
  },
  "run-fold": { title: "the same job, folded", line: "signalman run job.yaml --fold", rows: 20 },
  "status-watch": {
    title: "an agent while a job runs",
    line: "signalman status --watch",
    rows: 5,
    text: "builders-2",
    async act(screen) {
      await Bun.sleep(1000);
      await tester.run(["hub", "submit", "job.yaml", "--follow"], { env, cwd: home.path });
      await Bun.sleep(6000);
      await screen.type("q");
    },
  },
  "hub-submit": {
    title: "a job is queued on a hub, and its log is followed",
    line: "signalman hub submit job.yaml --follow",
    rows: 28,
  },
  doctor: {
    title: "its findings, each problem with a remedy",
    line: "signalman doctor",
    rows: 60,
    isStill: true,
  },
};

for (const [name, picture] of Object.entries(pictures)) if (isWanted(name)) await make(name, picture);
if (isWanted("page")) {
  const script = path.join(root, "e2e/page/screenshots.ts");
  await Bun.spawn([process.execPath, script], { stdio: ["ignore", "inherit", "inherit"] }).exited;
}

async function make(name: string, { title, rows, isStill, text = "", ...how }: Picture): Promise<void> {
  const frames = await record({ ...how, columns, rows, env, cwd: home.path });
  const shown = frames
    .filter(({ lines }) => lines.some((line) => line.includes(text)))
    .map(toNeutral)
    .slice(isStill ? -1 : 0);
  const used = Math.max(...shown.map(({ lines }) => lines.findLastIndex((line) => line !== "") + 1));
  const svg = toSvg(shown, { columns, rows: used, title: `${how.line}: ${title}` });
  await mkdir(path.join(root, "docs", "images"), { recursive: true });
  await Bun.write(path.join(root, "docs", "images", `cli-${name}.svg`), svg);
  console.log(`docs/images/cli-${name}.svg: ${shown.length} frames, ${Math.ceil(svg.length / 1024)} KiB`);
}

/** Makes a home whose path is as long as the one that pictures show, so that no line is broken elsewhere. */
function makeHome(): Disposable & { readonly path: string } {
  for (let number = 0; number < 10; number += 1) {
    const directory = `/tmp/ci${number}`;
    try {
      mkdirSync(directory, { mode: 0o700 });
      mkdirSync(path.join(directory, "tmp"));
      return { path: directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  throw new Error("the directories /tmp/ci0 to /tmp/ci9 exist: remove them");
}

function toNeutral({ atMs, lines }: Frame): Frame {
  return { atMs, lines: lines.map((line) => line.replaceAll(home.path, "/home/ci").trimEnd()) };
}

async function writeFiles(directory: string): Promise<void> {
  const write = (file: string, text: string) => Bun.write(path.join(directory, file), text);
  await write(
    "job.yaml",
    "name: unit tests\ncommands:\n  - make build\n  - make lint\n  - make test\nepilogue_on_fail_commands:\n  - ls report\n",
  );
  const recipe = (...lines: string[]) => lines.map((line) => `\t@${line}\n`).join("");
  const print = (text: string) => `printf '${text}\\n'; sleep 0.4`;
  await write(
    "Makefile",
    [
      `build:\n${recipe(print("compiled cart.c"), print("compiled checkout.c"), print("linked shop"))}`,
      `lint:\n${recipe(print("2 files, no warnings"))}`,
      `test:\n${recipe(
        print("\\033[32mok\\033[0m    cart adds an item"),
        print("\\033[32mok\\033[0m    cart removes an item"),
        print("\\033[31mfail\\033[0m  checkout charges the card: expected 200, received 500"),
        "mkdir -p report && touch report/checkout.html && exit 1",
      )}`,
    ].join("\n"),
  );
}
