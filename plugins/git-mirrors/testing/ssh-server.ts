import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** An sshd on loopback, which one key may enter. */
export interface SshServer extends AsyncDisposable {
  readonly port: number;
  /** `user@127.0.0.1:port`. */
  readonly authority: string;
  readonly key: string;
  readonly knownHosts: string;
  /** The sessions that it has run so far. */
  sessions(): number;
}

/** Whether this machine has an sshd to test with. */
export const hasSshServer = existsSync("/usr/sbin/sshd");

export interface SshServerOptions {
  /** A directory of programs that its sessions find first. */
  readonly programs?: string;
}

export async function startSshServer(
  directory: string,
  { programs }: SshServerOptions = {},
): Promise<SshServer> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  const port = await findPort();
  for (const name of ["host", "user"])
    spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(directory, name)]);
  const read = (name: string): string => readFileSync(join(directory, name), "utf8");
  writeFileSync(join(directory, "authorized"), read("user.pub"), { mode: 0o600 });
  const log = join(directory, "log");
  const settings = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${join(directory, "host")}`,
    `AuthorizedKeysFile ${join(directory, "authorized")}`,
    `PidFile ${join(directory, "pid")}`,
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "PermitRootLogin yes",
    "AcceptEnv GIT_PROTOCOL",
    "LogLevel VERBOSE",
    "MaxStartups 200:30:300",
    ...(programs === undefined ? [] : [`SetEnv PATH=${programs}:/usr/local/bin:/usr/bin:/bin`]),
  ];
  writeFileSync(join(directory, "config"), `${settings.join("\n")}\n`);
  const server = spawn("/usr/sbin/sshd", ["-D", "-E", log, "-f", join(directory, "config")], {
    stdio: "ignore",
  });
  const exited = new Promise<void>((done) => server.once("exit", () => done()));
  await untilListening(port);
  const username = spawnSync("id", ["-un"], { encoding: "utf8" }).stdout.trim();
  return {
    port,
    authority: `${username}@127.0.0.1:${port}`,
    key: read("user"),
    knownHosts: `[127.0.0.1]:${port} ${read("host.pub")}`,
    sessions: () => read("log").split("Starting session").length - 1,
    async [Symbol.asyncDispose]() {
      server.kill("SIGKILL");
      await exited;
    },
  };
}

async function findPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

async function untilListening(port: number): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(20)) {
    const isThere = await new Promise<boolean>((done) => {
      const socket = connect({ host: "127.0.0.1", port }, () => {
        socket.destroy();
        done(true);
      }).once("error", () => done(false));
    });
    if (isThere) return;
  }
  throw new Error("sshd does not listen");
}
