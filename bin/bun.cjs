"use strict";
// Finds and runs Bun, for the launcher and scripts/bootstrap.mjs. Runs on Node 18 or newer, and on Bun.

const { spawn, spawnSync } = require("node:child_process");
const { accessSync, constants, readFileSync, statSync } = require("node:fs");
const { constants: os } = require("node:os");
const path = require("node:path");

// Larger than the placeholder script of the package "bun", smaller than any bun executable.
const SMALLEST_BUN_BYTES = 1_000_000;

/** Returns the version of a bun executable; undefined when it does not start on this machine. */
exports.versionOf = function versionOf(file) {
  const { status, stdout } = spawnSync(file, ["--version"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    timeout: 10_000,
  });
  return status === 0 ? stdout.trim() : undefined;
};

/** Returns the first bun on PATH whose version is accepted. */
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
 * Returns the executable of an installed npm package `bun`. It is a placeholder when the package manager
 * blocks install scripts; the installation is then completed here.
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

/**
 * Runs a program with the standard streams of this process, forwards signals to it and exits with its status.
 */
exports.runInPlace = function runInPlace(file, args, env) {
  // oxlint-disable-next-line prefer-const -- the handlers of signals come first
  let child;
  const signals = ["SIGINT", "SIGQUIT", "SIGHUP", "SIGTERM", "SIGUSR1", "SIGUSR2"];
  // Before the program starts: on a busy machine it can be at work before this process executes the next line.
  for (const signal of signals) {
    process.on(signal, () => {
      if (!sentByTerminal(signal)) child.kill(signal);
    });
  }
  child = spawn(file, args, { stdio: "inherit", env });
  child.on("error", (error) => {
    process.stderr.write(`running "${file}" failed: ${error.message}\n`);
    process.exit(126);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // This process ignores the signal if it is still running.
    setTimeout(() => process.exit(128 + os.signals[signal]), 100);
  });
};

/** Whether the terminal sent the signal to its foreground process group, which includes the child. */
function sentByTerminal(signal) {
  if (signal !== "SIGINT" && signal !== "SIGQUIT" && signal !== "SIGHUP") return false;
  try {
    // Fields after the name: state, parent, group, session, terminal, foreground group of the terminal
    // (proc(5)).
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
