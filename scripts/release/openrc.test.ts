import { expect, test } from "bun:test";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { tmpdir } from "../../src/testing/index.ts";
import { run } from "./run.ts";

const directory = path.join(import.meta.dir, "linux");
/** Commands of OpenRC that the script calls. */
const stubs = `
  checkpath() { echo "checkpath $*"; }
  eerror() { echo "$*" >&2; }
  ebegin() { :; }
  eend() { return "$1"; }
  default_stop() { echo default_stop; }
  service_get_value() { cat "$PLACE/$1"; }
`;

/** Runs shell text after the script of the service, whose files are in `place`. Returns its output. */
async function call(
  place: string,
  text: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const script = await readFile(path.join(directory, "signalman.initd"), "utf8");
  const moved = script.replaceAll("/etc/signalman", place).replaceAll("/run/", `${place}/`);
  await mkdir(path.join(place, "bin"), { recursive: true });
  await writeFile(path.join(place, "bin/supervise-daemon"), '#!/bin/sh\necho "supervise-daemon $*"\n');
  await chmod(path.join(place, "bin/supervise-daemon"), 0o755);
  const PATH = `${path.join(place, "bin")}:${process.env["PATH"]}`;
  return run(["sh", "-c", `${moved}\n${stubs}\n${text}`], {
    env: { RC_SVCNAME: "signalman", SEMAPHORE_AGENT_TOKEN: "", ...env, PATH, PLACE: place },
  });
}

test("sh can parse every script of the packages", async () => {
  const names = (await readdir(directory)).filter((name) => /\.(sh|initd)$/.test(name));
  expect(names.length).toBeGreaterThan(5);
  for (const name of names) run(["sh", "-n", path.join(directory, name)]);
});

test("both service managers have the same functions", async () => {
  const functionsOf = async (name: string) => {
    const text = await readFile(path.join(directory, name), "utf8");
    return Array.from(text.matchAll(/^(\w+)(?:\(\)|=)/gm), ([, found]) => found!);
  };
  const internal = new Set(["unit", "leaving"]);
  const ofSystemd = (await functionsOf("systemd.sh")).filter((name) => !internal.has(name));
  expect(ofSystemd).toEqual(await functionsOf("openrc.sh"));
});

test("the variables of the environment file are exported as they are, without expansion", async () => {
  await using place = await tmpdir();
  const lines = ["# comment", "A=$(id) `id` $HOME", 'B="quoted value"', "C='one'", "no variable", "D=last"];
  await writeFile(path.join(place.path, "environment"), lines.join("\n"));
  expect(
    await call(place.path, 'export_environment; printf "%s\\n" "$A" "$B" "$C" "$(sh -c \'echo $D\')"'),
  ).toBe("$(id) `id` $HOME\nquoted value\none\nlast\n");
});

test("a service without a token is refused, and one with a token gets its directories", async () => {
  await using place = await tmpdir();
  await writeFile(path.join(place.path, "config.yaml"), "# token: none\n");
  await expect(call(place.path, "start_pre")).rejects.toThrow(
    "no registration token: set SEMAPHORE_AGENT_TOKEN in",
  );
  await writeFile(path.join(place.path, "environment"), "SEMAPHORE_AGENT_TOKEN=secret\n");
  const output = await call(place.path, 'start_pre && echo "$STATE_DIRECTORY"');
  expect(output).toBe(
    [
      "checkpath --directory --mode 0700 --owner signalman:signalman /var/lib/signalman",
      "checkpath --directory --mode 0750 --owner signalman:signalman /var/log/signalman",
      "/var/lib/signalman\n",
    ].join("\n"),
  );
});

/** A process in the supervisor's place, whose child is in the agent's place and notes the signal that it gets. */
async function startSupervised(place: string) {
  const agent = `
    for name in USR2 QUIT; do trap "echo $name > ${place}/signal; exit" $name; done
    echo $$ > ${place}/child_pid
    for round in $(seq 1200); do sleep 0.05; done`;
  const start = `Bun.spawn(["sh", "-c", ${JSON.stringify(agent)}], { stdio: ["ignore", "ignore", "ignore"] });`;
  const supervisor = Bun.spawn([process.execPath, "-e", start], { stdio: ["ignore", "ignore", "ignore"] });
  await writeFile(path.join(place, "supervise-signalman.pid"), `${supervisor.pid}\n`);
  const read = (name: string) => readFile(path.join(place, name), "utf8").catch(() => "");
  while ((await read("child_pid")) === "") await Bun.sleep(10);
  const pid = Number(await read("child_pid"));
  return {
    supervisor,
    signal: () => read("signal"),
    [Symbol.dispose]() {
      supervisor.kill("SIGKILL");
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // The agent has exited.
      }
    },
  };
}

test("a restart hands over: the supervisor is ended, the agent gets SIGUSR2 and is awaited", async () => {
  await using place = await tmpdir();
  using supervised = await startSupervised(place.path);
  expect(await call(place.path, "stop", { RC_CMD: "restart" })).toBe("default_stop\n");
  await supervised.supervisor.exited;
  expect([supervised.supervisor.signalCode, await supervised.signal()]).toEqual(["SIGKILL", "USR2\n"]);
});

test("a stop leaves agent and supervisor to OpenRC", async () => {
  await using place = await tmpdir();
  using supervised = await startSupervised(place.path);
  expect(await call(place.path, "stop", { RC_CMD: "stop" })).toBe("default_stop\n");
  expect([supervised.supervisor.signalCode, await supervised.signal()]).toEqual([null, ""]);
});

test("a drain ends the supervisor and sends SIGQUIT to the agent", async () => {
  await using place = await tmpdir();
  using supervised = await startSupervised(place.path);
  expect(await call(place.path, "drain")).toContain("supervise-daemon signalman --stop");
  while ((await supervised.signal()) === "") await Bun.sleep(10);
  expect([await supervised.signal(), await supervised.supervisor.exited]).toEqual(["QUIT\n", 137]);
});

test("a process that has the number of an agent that has exited gets no signal", async () => {
  await using place = await tmpdir();
  using supervised = await startSupervised(place.path);
  await using other = Bun.spawn(["sleep", "60"]);
  await writeFile(path.join(place.path, "child_pid"), `${other.pid}\n`);
  await call(place.path, "drain");
  await supervised.supervisor.exited;
  expect([other.exitCode, other.signalCode]).toEqual([null, null]);
});
