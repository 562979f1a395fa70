#!/usr/bin/env bun
import { builtIns } from "../plugins/index.ts";
import { version } from "./version.ts";

const argv = process.argv.slice(2);

// Asked for by every script that looks whether the agent is there, so that nothing else is loaded for it.
if (argv.length === 1 && ["version", "--version", "-v"].includes(argv[0]!)) {
  console.log(version);
} else if (argv[0] === "job-process") {
  const { runJobProcess } = await import("./job-process/main.ts");
  try {
    await runJobProcess(builtIns);
    process.exit(0);
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
} else {
  const { dispatch } = await import("./cli/dispatch.ts");
  await dispatch({ argv, env: process.env, cwd: process.cwd(), builtIns, version });
}
