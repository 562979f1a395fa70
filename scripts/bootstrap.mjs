// Installs Bun and the dependencies if necessary, then runs bun: `node scripts/bootstrap.mjs [<arguments of
// bun>]`. Requires Node 18 or newer with npm, or any Bun. Prints nothing when everything is installed.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import bunTools from "../bin/bun.cjs";

const OLDEST_NODE = 18;
const SET_UP_MS = 10 * 60_000;

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const toolchain = path.join(root, ".toolchain");
const packageJson = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
const version = packageJson.packageManager.replace("bun@", "");
const home = path.join(toolchain, `bun-${version}`);

try {
  await main();
} catch (error) {
  report(error.message);
  process.exit(1);
}

async function main() {
  const major = Number.parseInt(process.versions.node, 10);
  if (process.versions.bun === undefined && major < OLDEST_NODE) {
    throw new Error(`Node ${OLDEST_NODE} or newer is required, but this is Node ${process.versions.node}`);
  }
  let bun = findBun();
  if (bun === undefined || !isInstalled()) {
    await withLock(() => {
      bun = findBun() ?? installBun();
      if (!isInstalled()) installDependencies(bun);
    });
  }
  const args = process.argv.slice(2);
  if (args.length === 0) return;
  const PATH = [path.dirname(bun), path.join(root, "node_modules", ".bin"), process.env.PATH].join(
    path.delimiter,
  );
  bunTools.runInPlace(bun, args, { ...process.env, PATH });
}

/**
 * Finds a bun of exactly the required version: this process, its `bun run`, the one in .toolchain, or one on
 * PATH.
 */
function findBun() {
  const runners = [
    process.versions.bun === undefined ? undefined : process.execPath,
    process.env.npm_execpath,
  ];
  // The file must be named `bun`, since the task finds it on PATH under this name.
  const runner = runners.find((file) => file !== undefined && path.basename(file) === "bun");
  if (runner !== undefined && bunTools.versionOf(runner) === version) return runner;
  const ours = path.join(home, "node_modules", ".bin", "bun");
  return fs.existsSync(ours) ? ours : bunTools.findOnPath((found) => found === version);
}

function installBun() {
  report(`installing Bun ${version} into .toolchain`);
  for (const name of fs.readdirSync(toolchain)) {
    // Remains of a killed set-up; no other one is running, since this process holds the lock.
    if (name.startsWith("installing-"))
      fs.rmSync(path.join(toolchain, name), { recursive: true, force: true });
  }
  const temporary = fs.mkdtempSync(path.join(toolchain, "installing-"));
  try {
    fs.writeFileSync(path.join(temporary, "package.json"), '{ "private": true }\n');
    runQuietly(
      installCommand(),
      temporary,
      `installation of Bun ${version} failed: check the network (npm's proxy and registry settings apply), ` +
        `or put Bun ${version} on PATH`,
    );
    bunTools.finishPackage(path.join(temporary, "node_modules", "bun"));
    const found = bunTools.versionOf(path.join(temporary, "node_modules", ".bin", "bun"));
    if (found !== version)
      throw new Error(
        `the installed Bun does not start on this machine (expected ${version}, got ${found ?? "nothing"})`,
      );
    fs.chmodSync(temporary, 0o755); // mkdtemp creates a private directory, but other users may share the checkout.
    fs.rmSync(home, { recursive: true, force: true });
    fs.renameSync(temporary, home);
  } finally {
    fs.rmSync(temporary, { recursive: true, force: true });
  }
  return findBun();
}

/**
 * Returns the command that installs bun into the working directory, with the Bun or the npm that runs this
 * script, else with the npm on PATH. `npm --prefix` is not used, since npm then ignores the machine's npmrc.
 */
function installCommand() {
  const spec = `bun@${version}`;
  if (process.versions.bun !== undefined)
    return [process.execPath, "add", "--ignore-scripts", "--exact", spec];
  const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--no-package-lock"];
  const args = ["install", ...options, "--include=optional", "--bin-links", "--loglevel=error", spec];
  const npm = process.env.npm_execpath ?? "";
  return path.basename(npm) === "npm-cli.js" ? [process.execPath, npm, ...args] : ["npm", ...args];
}

/** Whether node_modules was installed from the current package.json and bun.lock. */
function isInstalled() {
  try {
    return fs.readFileSync(stampFile(), "utf8") === stamp();
  } catch {
    return false;
  }
}

function installDependencies(bun) {
  report("installing dependencies");
  runQuietly(
    [bun, "install", "--frozen-lockfile"],
    root,
    "installation of the dependencies failed: check the network; after a change of package.json, run `bun install` to update bun.lock",
  );
  fs.writeFileSync(stampFile(), stamp());
}

function stampFile() {
  return path.join(root, "node_modules", ".signalman-stamp");
}

function stamp() {
  const hash = createHash("sha256");
  for (const file of ["package.json", "bun.lock"]) hash.update(fs.readFileSync(path.join(root, file)));
  return `${hash.digest("hex")}\n`;
}

/** Prevents concurrent set-ups. The lock of a dead process is removed. */
async function withLock(setUp) {
  const lock = path.join(toolchain, "lock");
  const deadline = Date.now() + SET_UP_MS;
  for (let isWaiting = false; !tryLock(lock); isWaiting = true) {
    if (!isWaiting) report("waiting for another set-up to finish");
    if (Date.now() > deadline)
      throw new Error(`another set-up holds the lock "${lock}": remove the file if no set-up is running`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  try {
    setUp();
  } finally {
    fs.rmSync(lock, { force: true });
  }
}

function tryLock(lock) {
  try {
    fs.mkdirSync(toolchain, { recursive: true });
    fs.writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") {
      throw new Error(`writing to "${toolchain}" failed: ${error.message}`, { cause: error });
    }
  }
  try {
    process.kill(Number(fs.readFileSync(lock, "utf8")) || process.pid, 0);
  } catch (error) {
    // The lock is taken after a pause only, so that no process removes a lock that another one has just
    // created.
    if (error.code === "ESRCH") fs.rmSync(lock, { force: true });
  }
  return false;
}

function runQuietly([command, ...args], cwd, onFailure) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    timeout: SET_UP_MS,
  });
  if (status === 0) return;
  process.stderr.write(`${stdout ?? ""}${stderr ?? ""}`);
  throw new Error(error === undefined ? onFailure : `${onFailure} (${error.message})`);
}

function report(message) {
  process.stderr.write(`set-up: ${message}\n`);
}
