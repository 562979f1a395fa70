"use strict";
// Finding a Bun and running it: for the launcher and for scripts/bootstrap.mjs. Any Node from 18 on, or Bun itself.

const { spawn, spawnSync } = require("node:child_process");
const { accessSync, constants, readFileSync, statSync } = require("node:fs");
const { constants: os } = require("node:os");
const path = require("node:path");

// Longer than any placeholder text, shorter than any Bun.
const SMALLEST_BUN_BYTES = 1_000_000;

/** The version that a bun executable reports; undefined when it is none, or does not start here. */
exports.versionOf = function versionOf(file) {
  const { status, stdout } = spawnSync(file, ["--version"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    timeout: 10_000,
  });
  return status === 0 ? stdout.trim() : undefined;
};

/** The first bun on PATH whose version is accepted. */
exports.findOnPath = function findOnPath(accepts) {
  const name = process.platform === "win32" ? "bun.exe" : "bun";
  const files = (process.env.PATH || "").split(path.delimiter).filter(Boolean);
  return files
    .map((dir) => path.join(dir, name))
    .find((file) => {
      if (!isFile(file)) return false;
      const version = exports.versionOf(file);
      return version !== undefined && accepts(version);
    });
};

/**
 * The executable of an installed npm package `bun`. Where package managers block install scripts it is a placeholder:
 * then its installation is finished here, once.
 */
exports.finishPackage = function finishPackage(dir) {
  const file = path.join(dir, "bin", "bun.exe");
  if (isBun(file)) return file;
  try {
    accessSync(path.dirname(file), constants.W_OK);
  } catch {
    return undefined;
  }
  spawnSync(process.execPath, [path.join(dir, "install.js")], {
    cwd: dir,
    stdio: "ignore",
    timeout: 120_000,
  });
  return isBun(file) ? file : undefined;
};

/** Runs a program in this one's place: its standard streams, signals and exit status are ours. */
exports.runInPlace = function runInPlace(file, args, env) {
  const child = spawn(file, args, { stdio: "inherit", env });
  const signals = ["SIGINT", "SIGQUIT", "SIGHUP", "SIGTERM", "SIGUSR1", "SIGUSR2"];
  for (const signal of signals) {
    process.on(signal, () => {
      if (!sentByTerminal(signal)) child.kill(signal);
    });
  }
  child.on("error", (error) => {
    process.stderr.write(`cannot run "${file}": ${error.message}\n`);
    process.exit(126);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // Still here: the signal is one that we were told to ignore.
    setTimeout(() => process.exit(128 + os.signals[signal]), 100);
  });
};

/** Whether the child got the signal too, because it stands in the terminal's foreground group like us. */
function sentByTerminal(signal) {
  if (signal !== "SIGINT" && signal !== "SIGQUIT" && signal !== "SIGHUP") return false;
  try {
    // After the name: state, parent, group, session, terminal, the terminal's foreground group (proc(5)).
    const fields = readFileSync("/proc/self/stat", "utf8").split(") ").pop().split(" ");
    return fields[2] === fields[5];
  } catch {
    return Boolean(process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY);
  }
}

function isFile(file) {
  try {
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function isBun(file) {
  return isFile(file) && statSync(file).size > SMALLEST_BUN_BYTES;
}
