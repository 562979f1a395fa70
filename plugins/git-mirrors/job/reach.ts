import { randomBytes } from "node:crypto";
import type { HookEvents } from "signalman";
import type { Certificate } from "./certificate.ts";
import type { Door } from "./door.ts";

/** What the job's shell has for a clone through this process. */
export interface Reach {
  /** The lists of `NO_PROXY` and `no_proxy`. */
  readonly noProxy: string;
  /** A file of the job with the certificate, which only the job's user can read. */
  readonly authority?: {
    readonly path: string;
    /** The job has a `GIT_SSL_CAINFO`, whose authorities are in the file, too. git prefers it to options. */
    readonly isVariable: boolean;
  };
}

export interface ReachOptions {
  readonly door: Pick<Door, "address" | "proof" | "isOpen">;
  /** Left out: git accepts the certificate by its key alone. */
  readonly certificate?: Pick<Certificate, "cert"> | undefined;
}

/**
 * Asks the job's shell whether it reaches this process, and brings the certificate there. A proxy that is not reached
 * would fail the command. Resolves to the reason when the command must do without it.
 */
export async function findReach(
  capture: HookEvents["command:start"]["capture"],
  { door, certificate }: ReachOptions,
): Promise<Reach | string> {
  const mark = randomBytes(12).toString("hex");
  // The door answers while a command checks out.
  door.isOpen = true;
  const output = await capture(toScript(mark, door.address, certificate?.cert)).finally(
    () => (door.isOpen = false),
  );
  const found = new Map(
    Array.from(output.matchAll(new RegExp(`^${mark} (\\w+) ?(.*?)\\r?$`, "gm")), ([, name, value]) => [
      name,
      value ?? "",
    ]),
  );
  const noProxy = found.get("proxies");
  if (noProxy === undefined) return "the job's shell does not answer";
  if (found.get("answer") !== door.proof) return `the job does not reach this agent at ${door.address}`;
  if (certificate === undefined) return { noProxy };
  const path = found.get("authority") ?? "";
  if (!/^\/[\w./-]+$/.test(path)) return "the job cannot store the certificate of the mirror";
  return { noProxy, authority: { path, isVariable: found.get("own") === "yes" } };
}

/** In a subshell, so that no option, variable or descriptor of the job's shell changes. */
function toScript(mark: string, address: string, cert: string | undefined): string {
  const [host, port] = address.split(":");
  const say = (words: string): string => `\\builtin printf '%s\\n' "${mark} ${words}"`;
  const call = `exec 3<>/dev/tcp/${host}/${port} && printf "hello\\n" >&3 && IFS= read -r line <&3 && printf %s "$line"`;
  const store = `{ \\builtin printf '%s' '${cert}'; [ -z "\${GIT_SSL_CAINFO-}" ] || \\command cat -- "$GIT_SSL_CAINFO"; }`;
  return [
    "( \\builtin set +eux; umask 077",
    say("answer $(\\command timeout 5 bash -c '" + call + "')"),
    say("proxies ${NO_PROXY-},${no_proxy-}"),
    ...(cert === undefined
      ? []
      : [
          'file=$(\\command mktemp "${TMPDIR:-/tmp}/.git-mirror-XXXXXXXX") &&',
          `${store} >"$file" && ${say("authority $file")}`,
          `[ -z "\${GIT_SSL_CAINFO-}" ] || ${say("own yes")}`,
        ]),
    ") 2>/dev/null || \\builtin :",
  ].join("\n");
}
