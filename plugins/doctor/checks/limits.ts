import type { Check, Finding } from "signalman";
import { access, constants, readFile } from "node:fs/promises";
import { homedir } from "node:os";

const fewFiles = 1024;

/** As whom the agent would run, and what the system lets it have. */
export const limits: Check = {
  run: async () => [toUser(), ...(await findFileLimit()), ...(await findControlGroup())],
};

function toUser(): Finding {
  return {
    level: "ok",
    title: `seen as user ${process.getuid?.()}, at home in "${homedir()}"`,
    detail:
      "what is found holds for this user: run it as the agent's, with the agent's variables and configuration",
  };
}

async function findFileLimit(): Promise<Finding[]> {
  const text = await readFile("/proc/self/limits", "utf8").catch(() => "");
  const [, soft = ""] = /^Max open files\s+(\d+)/m.exec(text) ?? [];
  if (soft === "" || Number(soft) >= fewFiles) return [];
  const title = `only ${soft} files may be open at once`;
  const remedy = "raise the limit: LimitNOFILE=65536 in the service's unit, `ulimit -n` in a shell";
  return [{ level: "warning", title, remedy }];
}

/** Where each job gets a control group of its own, if it is allowed to. */
async function findControlGroup(): Promise<Finding[]> {
  const text = await readFile("/proc/self/cgroup", "utf8").catch(() => "");
  const [, path] = /^0::(\/.*)$/m.exec(text) ?? [];
  if (path === undefined) return [];
  const isOurs = await access(`/sys/fs/cgroup${path}/cgroup.procs`, constants.W_OK).then(
    () => true,
    () => false,
  );
  return [
    {
      level: "ok",
      title: `control group ${path}: ${isOurs ? "delegated to this user" : "not delegated to this user"}`,
    },
  ];
}
