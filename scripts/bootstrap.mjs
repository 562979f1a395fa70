// Sets up what the project needs and then runs a task with Bun: `node scripts/bootstrap.mjs [<arguments of bun>]`.
// Needs Node 18 with npm, or any Bun; nothing else. Quiet when there is nothing to set up.

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
  say(error.message);
  process.exit(1);
}

async function main() {
  const major = Number.parseInt(process.versions.node, 10);
  if (process.versions.bun === undefined && major < OLDEST_NODE) {
    throw new Error(`Node ${OLDEST_NODE} or newer is needed, this is ${process.versions.node}`);
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

/** A bun of exactly our version: this process, the `bun run` around it, what we installed before, or one on PATH. */
function findBun() {
  const runners = [
    process.versions.bun === undefined ? undefined : process.execPath,
    process.env.npm_execpath,
  ];
  // By its own name only, since the task is to find it as `bun` on PATH.
  const runner = runners.find((file) => file !== undefined && path.basename(file) === "bun");
  if (runner !== undefined && bunTools.versionOf(runner) === version) return runner;
  const ours = path.join(home, "node_modules", ".bin", "bun");
  return fs.existsSync(ours) ? ours : bunTools.findOnPath((found) => found === version);
}

function installBun() {
  say(`installing Bun ${version} into .toolchain`);
  for (const name of fs.readdirSync(toolchain)) {
    // Left by a set-up that was killed: we hold the lock.
    if (name.startsWith("installing-"))
      fs.rmSync(path.join(toolchain, name), { recursive: true, force: true });
  }
  const temporary = fs.mkdtempSync(path.join(toolchain, "installing-"));
  try {
    fs.writeFileSync(path.join(temporary, "package.json"), '{ "private": true }\n');
    runQuietly(
      installCommand(),
      temporary,
      `cannot install Bun ${version}: check the network (npm's proxy and registry settings are honoured), ` +
        `or put Bun ${version} on PATH`,
    );
    bunTools.finishPackage(path.join(temporary, "node_modules", "bun"));
    const found = bunTools.versionOf(path.join(temporary, "node_modules", ".bin", "bun"));
    if (found !== version)
      throw new Error(
        `the installed Bun does not start on this machine (expected ${version}, got ${found ?? "nothing"})`,
      );
    fs.chmodSync(temporary, 0o755); // mkdtemp makes it private; others may use the checkout as well.
    fs.rmSync(home, { recursive: true, force: true });
    fs.renameSync(temporary, home);
  } finally {
    fs.rmSync(temporary, { recursive: true, force: true });
  }
  return findBun();
}

/**
 * Installs bun into the working directory: the npm that runs us, else the Bun that does, else the npm on PATH.
 * Not by `npm --prefix`, with which npm no longer reads the machine's own npmrc.
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

/** Whether node_modules was installed from the package.json and bun.lock that stand there now. */
function isInstalled() {
  try {
    return fs.readFileSync(stampFile(), "utf8") === stamp();
  } catch {
    return false;
  }
}

function installDependencies(bun) {
  say("installing dependencies");
  runQuietly(
    [bun, "install", "--frozen-lockfile"],
    root,
    "cannot install the dependencies: check the network; after a change of package.json, run `bun install` to update bun.lock",
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

/** One set-up at a time. The lock of a process that died is taken over. */
async function withLock(setUp) {
  const lock = path.join(toolchain, "lock");
  const deadline = Date.now() + SET_UP_MS;
  for (let isWaiting = false; !tryLock(lock); isWaiting = true) {
    if (!isWaiting) say("waiting for another set-up to finish");
    if (Date.now() > deadline) throw new Error(`another set-up holds "${lock}": remove it if there is none`);
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
      throw new Error(`cannot write to "${toolchain}": ${error.message}`, { cause: error });
    }
  }
  try {
    process.kill(Number(fs.readFileSync(lock, "utf8")) || process.pid, 0);
  } catch (error) {
    // Taken away now and asked for after a pause, so that nobody removes what another one has just made.
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

function say(message) {
  process.stderr.write(`set-up: ${message}\n`);
}
