import { defineCommand } from "../../core/contracts/command.ts";
import { print } from "../output/print.ts";

/** Prints `ok`. The check itself is the reading of the configuration, which precedes every command that requires one. */
export default defineCommand({
  meta: { name: "config check", description: "check the configuration and report every fault" },
  log: "stderr",
  run: () => print("ok"),
});
