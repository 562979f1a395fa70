import type { Check, Finding } from "signalman";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";

/** Fewer open files than this are reported. */
const minOpenFiles = 1024;

/** Checks the user and the limits under which the agent would run. */
export const limits: Check = {
  run: async () => [toUser(), ...(await findFileLimit())],
};

function toUser(): Finding {
  return {
    level: "ok",
    title: `running as user ${process.getuid?.()} with the home directory "${homedir()}"`,
    detail:
      "the findings apply to this user: run doctor as the user of the agent, with its variables and configuration",
  };
}

async function findFileLimit(): Promise<Finding[]> {
  const text = await readFile("/proc/self/limits", "utf8").catch(() => "");
  const [, soft = ""] = /^Max open files\s+(\d+)/m.exec(text) ?? [];
  if (soft === "" || Number(soft) >= minOpenFiles) return [];
  const title = `the number of open files is limited to ${soft}`;
  const remedy =
    "raise the limit: LimitNOFILE=65536 in the unit of the service, or `ulimit -n 65536` in a shell";
  return [{ level: "warning", title, remedy }];
}
