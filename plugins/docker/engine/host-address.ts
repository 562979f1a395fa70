import { existsSync } from "node:fs";
import { AgentError, readBody } from "signalman";
import { findEndpoint } from "./endpoint.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Resolves to the gateway of the engine's default bridge: an address of this host that containers of every bridge
 * reach. `undefined` without an engine that runs on this host. Needs no client of the engine, which is large.
 */
export async function findHostAddress(env: Environment): Promise<string | undefined> {
  const { socketPath, host } = findEndpoint(env);
  if (socketPath === undefined || !existsSync(socketPath)) return undefined;
  const signal = AbortSignal.timeout(answerMs);
  const answer = await fetch("http://localhost/networks/bridge", { unix: socketPath, signal }).catch(
    (cause) => {
      throw new AgentError("DOCKER_FAILED", `the Docker engine at "${host}" does not answer`, { cause });
    },
  );
  const { text } = await readBody(answer, mostBytes);
  if (!answer.ok) return undefined;
  const { IPAM } = JSON.parse(text) as BridgeNetwork;
  return IPAM?.Config?.map(({ Gateway }) => Gateway).find((address) => /^\d+(\.\d+){3}$/.test(address ?? ""));
}

/** The part of the engine's answer that is read. */
interface BridgeNetwork {
  readonly IPAM?: { readonly Config?: readonly { readonly Gateway?: string }[] | null };
}

const answerMs = 5000;
const mostBytes = 16 * 1024 * 1024;
