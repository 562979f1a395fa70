import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { EngineApi } from "./api.ts";
import { needCommand } from "./packages.ts";

/** A registry on loopback. With `user` and `password` it wants them. Disposal ends it. */
export interface Registry extends AsyncDisposable {
  /** `127.0.0.1:40123` */
  readonly host: string;
  readonly user: string;
  readonly password: string;
  readonly pid: number;
  /** Pushes an image of the engine's under a name here, and removes that name from the engine. Gives the name. */
  push(engine: EngineApi, image: string, name: string): Promise<string>;
  /** Requests that it has answered, as its log has them. */
  requests(): readonly string[];
}

export interface RegistryOptions {
  readonly user?: string;
  readonly password?: string;
  /** Address that it listens on; default: a free port of 127.0.0.1. */
  readonly address?: string;
  /** Its name in names of images; default: its address. */
  readonly host?: string;
}

export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  await needCommand("docker-registry", "docker-registry");
  const directory = await mkdtemp(path.join(tmpdir(), "signalman-registry-"));
  const { user = "somebody", password = `pass-${crypto.randomUUID()}` } = options;
  const hash = await Bun.password.hash(password, { algorithm: "bcrypt", cost: 4 });
  const passwords = path.join(directory, "htpasswd");
  await Bun.write(passwords, `${user}:${hash}\n`);
  const { address = `127.0.0.1:${freePort()}`, host = address } = options;
  const config = path.join(directory, "config.yml");
  await Bun.write(config, toConfig({ directory, passwords, address }));
  const child = Bun.spawn(["docker-registry", "serve", config], { stdio: ["ignore", "pipe", "pipe"] });
  const lines: string[] = [];
  void collect(child.stdout, lines);
  void collect(child.stderr, lines);
  await waitFor(address, () => child.exitCode, lines);
  return {
    host,
    user,
    password,
    pid: child.pid,
    requests: () => lines.filter((line) => line.includes("http.request.uri") || line.includes('" "')),
    push: (engine, image, name) => push(engine, image, `${host}/${name}`, { username: user, password }),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function toConfig({
  directory,
  passwords,
  address,
}: {
  directory: string;
  passwords: string;
  address: string;
}): string {
  return JSON.stringify({
    version: "0.1",
    log: { level: "info" },
    storage: { filesystem: { rootdirectory: path.join(directory, "data") } },
    http: { addr: address },
    auth: { htpasswd: { realm: "test", path: passwords } },
  });
}

async function push(
  engine: EngineApi,
  image: string,
  name: string,
  auth: { readonly username: string; readonly password: string },
): Promise<string> {
  const [repo = "", tag = "latest"] = splitTag(name);
  await engine.call("POST", `/images/${image}/tag?${new URLSearchParams({ repo, tag })}`);
  const answer = await engine.call("POST", `/images/${repo}/push?${new URLSearchParams({ tag })}`, {
    headers: { "x-registry-auth": Buffer.from(JSON.stringify(auth)).toString("base64") },
  });
  const text = await answer.text();
  if (text.includes('"error"')) throw new Error(`push of "${name}" failed: ${text}`);
  await engine.call("DELETE", `/images/${repo}:${tag}`);
  return name;
}

/** The last colon, unless it belongs to the host's port. */
function splitTag(name: string): string[] {
  const at = name.lastIndexOf(":");
  return at > name.lastIndexOf("/") ? [name.slice(0, at), name.slice(at + 1)] : [name];
}

export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

async function collect(stream: ReadableStream<Uint8Array>, lines: string[]): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts);
  }
}

async function waitFor(
  address: string,
  exitCode: () => number | null,
  lines: readonly string[],
): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const response = await fetch(`http://${address}/v2/`).catch(() => undefined);
    if (response?.status === 401) return;
    if (exitCode() !== null || performance.now() > deadline)
      throw new Error(`docker-registry did not start: ${lines.slice(-5).join("\n")}`);
    await Bun.sleep(50);
  }
}
