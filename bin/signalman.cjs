#!/usr/bin/env node
"use strict";
// The executable of the npm package. Runs src/main.ts in this process if it is Bun, else in a Bun found on
// this machine.

const path = require("node:path");
const { optionalDependencies, version } = require("../package.json");
const { findOnPath, finishPackage, runInPlace } = require("./bun.cjs");

const main = path.join(__dirname, "..", "src", "main.ts");
const required = optionalDependencies.bun;

if (process.versions.bun !== undefined && isEnough(process.versions.bun)) {
  process.argv[1] = main;
  void import(main);
} else {
  const bun = findDependency() || findOnPath(isEnough);
  if (bun === undefined) {
    process.stderr.write(
      `signalman ${version} requires Bun ${required} or newer, which was not found: ` +
        `install it (npm install --global bun), or use the stand-alone binary\n`,
    );
    process.exit(127);
  }
  // The working directory may be an untrusted checkout, so Bun must not read its configuration from there.
  const flags = [`--config=${path.join(__dirname, "bunfig.toml")}`, "--no-env-file", "--no-install"];
  runInPlace(bun, [...flags, main, ...process.argv.slice(2)], process.env);
}

function findDependency() {
  try {
    return finishPackage(path.dirname(require.resolve("bun/package.json")));
  } catch {
    return undefined; // The optional dependency is not installed.
  }
}

/** Whether a version is not older than the required one and has the same major version. */
function isEnough(found) {
  const [major, minor, patch] = found.split(".").map((part) => Number.parseInt(part, 10));
  const [requiredMajor, requiredMinor, requiredPatch] = required.split(".").map(Number);
  if (major !== requiredMajor) return false;
  return minor === requiredMinor ? patch >= requiredPatch : minor > requiredMinor;
}
