#!/usr/bin/env bun
import { builtInCommands, builtIns } from "../plugins/index.ts";
import { createSdkLender } from "./cli/program/lend-sdk.ts";
import type { KnownSchemas } from "./core/config/flags.ts";
import { version } from "./core/version.ts";

const argv = process.argv.slice(2);
const lendSdk = createSdkLender({
  signalman: () => import("./index.ts"),
  "signalman/executor": () => import("./executor.ts"),
  "signalman/host": () => import("./host.ts"),
  "signalman/http": () => import("./http.ts"),
  "signalman/testing": () => import("./testing/index.ts"),
});

// Scripts call it to see whether the agent is installed, so nothing else is loaded for it.
if (argv.length === 1 && ["version", "--version", "-v"].includes(argv[0]!)) {
  console.log(version);
} else if (argv[0] === "job-process") {
  const [{ runJobProcess }, { exitProgram }] = await Promise.all([
    import("./job/process/main.ts"),
    import("./os/this-process/exit-guard.ts"),
  ]);
  try {
    await runJobProcess({ builtIns, lendSdk });
    exitProgram(0);
  } catch (error) {
    console.error(error);
    exitProgram(1);
  }
} else {
  const { dispatch } = await import("./cli/dispatch.ts");
  const known = process.env.SIGNALMAN_SCHEMAS;
  const schemas = known === undefined ? undefined : (JSON.parse(known) as KnownSchemas);
  const plugins = { plugins: builtIns, commands: builtInCommands, schemas };
  await dispatch({ argv, env: process.env, cwd: process.cwd(), builtIns: plugins, lendSdk, version });
}
