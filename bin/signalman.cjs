#!/usr/bin/env node
"use strict";
// What npx, bunx and a global install start: src/main.ts, in this process when it is a Bun, else in a Bun that is found.

const path = require("node:path");
const { optionalDependencies, version } = require("../package.json");
const { findOnPath, finishPackage, runInPlace } = require("./bun.cjs");

const main = path.join(__dirname, "..", "src", "main.ts");
const required = optionalDependencies.bun;

if (process.versions.bun !== undefined && isEnough(process.versions.bun)) {
  process.argv[1] = main;
  import(main);
} else {
  const bun = findDependency() || findOnPath(isEnough);
  if (bun === undefined) {
    process.stderr.write(
      `signalman ${version} runs on Bun ${required} or newer, and there is none: ` +
        `install it (npm install --global bun), or use the stand-alone binary\n`,
    );
    process.exit(127);
  }
  // The working directory may be an untrusted checkout: nothing of it configures or preloads our Bun.
  const flags = [`--config=${path.join(__dirname, "bunfig.toml")}`, "--no-env-file", "--no-install"];
  runInPlace(bun, [...flags, main, ...process.argv.slice(2)], process.env);
}

function findDependency() {
  try {
    return finishPackage(path.dirname(require.resolve("bun/package.json")));
  } catch {
    return undefined; // Left out at install, as optional dependencies may be.
  }
}

/** Same major version, and not older. */
function isEnough(found) {
  const [major, minor, patch] = found.split(".").map((part) => Number.parseInt(part, 10));
  const [requiredMajor, requiredMinor, requiredPatch] = required.split(".").map(Number);
  if (major !== requiredMajor) return false;
  return minor === requiredMinor ? patch >= requiredPatch : minor > requiredMinor;
}
