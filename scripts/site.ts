// Makes the site of the documentation in dist/site: `bun scripts/site.ts`. `--check` also checks its links, and asks
// its search the questions of docs/.site/questions.json. `--serve` also serves it on 127.0.0.1 (`--port <number>`,
// 4173). The generator is a package of its own in docs/.site, which only this script installs.

import path from "node:path";
import { parseArgs } from "node:util";

const root = path.dirname(import.meta.dir);
const site = path.join(root, "docs", ".site");
const generator = path.join("node_modules", "vitepress", "bin", "vitepress.js");

/** Runs bun in the generator's directory. */
async function run(...args: string[]): Promise<void> {
  const child = Bun.spawn([process.execPath, ...args], {
    cwd: site,
    stdio: ["inherit", "inherit", "inherit"],
  });
  const status = await child.exited;
  if (status !== 0) process.exit(status);
}

const { values } = parseArgs({
  options: {
    check: { type: "boolean" },
    serve: { type: "boolean" },
    port: { type: "string", default: "4173" },
  },
});
await run("install", "--frozen-lockfile", "--ignore-scripts");
await run("--bun", generator, "build");
if (values.check) await run("check.ts");
if (values.serve) await run("--bun", generator, "preview", "--host", "127.0.0.1", "--port", values.port);
