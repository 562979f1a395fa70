import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { tmpdir } from "../../src/testing/index.ts";
import { needCommand } from "../support/engine/packages.ts";
import { run } from "../support/cluster/command.ts";
import { makeMachineImage, makeSourceDisk } from "./image.ts";

/** A virtual machine with a systemd and a kernel of its own. Disposal ends it and removes its disk. */
export interface Machine extends AsyncDisposable {
  /** Runs a script as root and returns its output. Throws with the output when it fails. */
  run(script: string, stdin?: string): Promise<string>;
  /** Ends the machine as a power cut does: nothing in it is told. */
  cutPower(): Promise<void>;
  /** Starts it with the disk that it had. Resolves when it answers. */
  start(): Promise<void>;
  /** Resolves when the machine has switched itself off. */
  readonly off: Promise<unknown>;
}

/** The address of this host as machines see it; its services listen on loopback. */
export const hostAddress = "10.0.2.2";

/** Starts a machine with this checkout in `/src`. */
export async function startMachine(): Promise<Machine> {
  await needCommand("qemu-system-x86_64", "qemu-system-x86");
  const image = await makeMachineImage();
  const directory = await tmpdir();
  const place = (name: string) => path.join(directory.path, name);
  await run(["cp", "--sparse=always", image.disk, place("disk")]);
  await makeSourceDisk(place("source"));
  const port = findFreePort();
  const disk = (file: string, more = "") =>
    `file=${file},format=raw,if=virtio,cache=unsafe,discard=unmap${more}`;
  // Without the processor's help every instruction is translated, which takes about ten times as long.
  // Several processors would then execute instructions of the kernel that another one is patching (seen with
  // QEMU 7.2: `Oops: int3`).
  const canVirtualize = /\b(vmx|svm)\b/.test(readFileSync("/proc/cpuinfo", "utf8"));
  const processor = canVirtualize ? "-accel kvm -cpu host -smp 2" : "-accel tcg -cpu max -smp 1";
  const command = [
    ..."qemu-system-x86_64 -machine q35 -m 3G -display none -no-reboot".split(" "),
    ...processor.split(" "),
    ...`-kernel ${image.kernel} -initrd ${image.initialRamDisk}`.split(" "),
    ...`-drive ${disk(place("disk"))} -drive ${disk(place("source"), ",readonly=on")}`.split(" "),
    ...`-nic user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:${port}-:22`.split(" "),
    ...`-serial file:${place("console")}`.split(" "),
    "-append",
    "root=/dev/vda rw console=ttyS0 net.ifnames=0 panic=-1 quiet",
  ];
  const options =
    "-q -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=20 -o ServerAliveInterval=10";
  const shell = ["ssh", ...options.split(" "), "-i", image.key, "-p", String(port), "root@127.0.0.1"];
  let machine: Bun.Subprocess | undefined;

  const cutPower = async () => {
    machine?.kill("SIGKILL");
    await machine?.exited;
  };
  const start = async () => {
    machine = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: Bun.file(place("errors")) });
    const deadline = Date.now() + 10 * 60_000;
    for (;;) {
      if ((await attempt([...shell, "true"])) === 0) return;
      if (machine.exitCode === null && Date.now() < deadline) continue;
      const shown = await Promise.all([
        readFile(place("errors"), "utf8"),
        readFile(place("console"), "utf8"),
      ]);
      throw new Error(`the machine does not answer: ${shown.join("").slice(-4000)}`);
    }
  };
  const result: Machine = {
    run: (script, stdin = "") => run([...shell, script], { stdin, timeoutMs: 30 * 60_000 }),
    start,
    cutPower,
    get off() {
      return machine!.exited;
    },
    async [Symbol.asyncDispose]() {
      await cutPower();
      await directory[Symbol.asyncDispose]();
    },
  };
  try {
    await start();
  } catch (error) {
    await result[Symbol.asyncDispose]();
    throw error;
  }
  return result;
}

async function attempt(words: readonly string[]): Promise<number> {
  const { exited } = Bun.spawn([...words], { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  const status = await exited;
  if (status !== 0) await Bun.sleep(500);
  return status;
}

function findFreePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}
