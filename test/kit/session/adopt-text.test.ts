import { expect, test } from "bun:test";
import { readlinkSync } from "node:fs";
import { adoptText } from "../../../src/kit/session/adopt-text.ts";

const variables = [
  { name: "OWN", value: Buffer.from("agent's \xff\n$(id)", "latin1") },
  { name: "GONE", value: Buffer.from("gone") },
];
const print = `printf '%s|%s|%s|%s' "$PWD" "\${OWN-no}" "\${GONE-no}" "\${NEW-no}" | od -An -v -tx1 | tr -d ' \\n'`;

test.each([
  ["as the kernel lists them", (text: string) => text],
  [
    "as a scan of all processes finds them",
    (text: string) => text.replace('-r "/proc/$$/task/$$/children"', "-r /none"),
  ],
])("a shell gets the directory and the exports of another one's newest program, %s", async (_, change) => {
  await using other = await startShell(
    "export PS1= OWN=job NEW='it'\\''s $(id)'; unset GONE; cd /usr; sleep 600; :",
  );
  expect(run(change(adoptText(other.pid, variables)))).toBe("/usr|job|no|it's $(id)");
});

test("a program without the session's variables is passed over, and one further down is found", async () => {
  await using other = await startShell("export PS1= NEW=new; (env -i sleep 600 & sleep 600; :); :");
  expect(run(adoptText(other.pid, variables))).toEndWith("|no|no|new");
});

test("a shell that runs no program leaves the variables of the agent, and one that is gone the directory too", async () => {
  await using other = await startShell("cd /usr; export NEW=new; read -r line");
  expect(run(adoptText(other.pid, variables))).toBe("/usr|agent's \xff\n$(id)|gone|no");
  expect(run(adoptText(2 ** 22 + 1, variables))).toBe("/|agent's \xff\n$(id)|gone|no");
});

test("strict options of the shell do not end it", async () => {
  await using other = await startShell("export PS1= NEW=new OWN=job; cd /usr; sleep 600; :");
  expect(run(`set -euf\n${adoptText(other.pid, variables)}`)).toBe("/usr|job|no|new");
});

function run(text: string): string {
  const { stdout, stderr } = Bun.spawnSync(["bash", "--norc", "-c", `${text}\n${print}`], {
    cwd: "/",
    env: { PATH: process.env["PATH"] ?? "", GONE: "initial" },
    stderr: "pipe",
  });
  expect(stderr.toString()).toBe("");
  return Buffer.from(stdout.toString(), "hex").toString("latin1");
}

/** Starts a shell, and resolves when it waits in its last command. */
async function startShell(script: string) {
  const shell = Bun.spawn(["bash", "--norc", "-c", script], {
    env: { PATH: process.env["PATH"] ?? "" },
    stdin: "pipe",
    detached: true,
  });
  const programs = script.split("sleep").length - 1;
  const isWaiting = () =>
    programs > 0 ? countPrograms(shell.pid) >= programs : readlinkSync(`/proc/${shell.pid}/cwd`) === "/usr";
  while (!isWaiting()) await Bun.sleep(5);
  return {
    pid: shell.pid,
    async [Symbol.asyncDispose]() {
      process.kill(-shell.pid, "SIGKILL");
      await shell.exited;
    },
  };
}

function countPrograms(group: number): number {
  const found = Bun.spawnSync(["pgrep", "-g", String(group), "-x", "sleep"]).stdout.toString();
  return found.split("\n").length - 1;
}
