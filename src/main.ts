#!/usr/bin/env bun
import { builtInCommands, builtInExecutors, builtIns } from "../plugins/index.ts";
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
} else if (argv[0] === "stream-recorder") {
  const [{ runRecorder }, { exitProgram }] = await Promise.all([
    import("./kit/recorder/main.ts"),
    import("./os/this-process/exit-guard.ts"),
  ]);
  await runRecorder();
  exitProgram(0);
} else {
  const known = process.env.SIGNALMAN_SCHEMAS;
  const plugins = {
    plugins: builtIns,
    commands: builtInCommands,
    executors: builtInExecutors,
    // Most completions need none.
    get schemas() {
      return known === undefined ? undefined : (JSON.parse(known) as KnownSchemas);
    },
  };
  if (argv[0] === "__complete") {
    const { runCompletion } = await import("./cli/completion/main.ts");
    await runCompletion({ argv: argv.slice(1), env: process.env, builtIns: plugins, lendSdk });
  } else {
    const { dispatch } = await import("./cli/dispatch.ts");
    await dispatch({ argv, env: process.env, cwd: process.cwd(), builtIns: plugins, lendSdk, version });
  }
}
