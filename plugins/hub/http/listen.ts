import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { AgentError, toMessage } from "signalman";

/** Resolves with the port. Throws `USAGE_INVALID` when the address cannot be had. */
export function listen(server: Server, hostname: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(
        new AgentError("USAGE_INVALID", `the hub cannot listen on ${hostname}:${port}: ${toMessage(error)}`, {
          cause: error,
        }),
      ),
    );
    server.listen(port, hostname, () => resolve((server.address() as AddressInfo).port));
  });
}
