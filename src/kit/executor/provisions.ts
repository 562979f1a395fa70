import type { JobProvisions } from "../../core/contracts/executor-options.ts";
import { AgentError, toMessage } from "../../core/errors.ts";
import { createTextStart } from "../../core/text/text-start.ts";
import { readHostFile } from "../../os/file-trust/host-file.ts";
import { quote } from "../session/environment.ts";
import type { Session } from "../session/session.ts";

/** Where the file of `job-ca-file` is in containers and pods. */
export const caPath = "/etc/signalman/ca.pem";

/** Larger than all public authorities together; a pod's secret has 1 MiB. */
const maxCaBytes = 512 * 1024;

const caVariables = [
  "SSL_CERT_FILE",
  "CURL_CA_BUNDLE",
  "GIT_SSL_CAINFO",
  "REQUESTS_CA_BUNDLE",
  "NODE_EXTRA_CA_CERTS",
  "AWS_CA_BUNDLE",
] as const;

/** Returns the variables of the operator's proxy and authorities for every container of a job. */
export function toProvisionVariables(provisions: JobProvisions): Record<string, string> {
  const { caFile, proxy, noProxy = [] } = provisions;
  const inBothCases = (name: string, value: string) => [
    [name, value],
    [name.toLowerCase(), value],
  ];
  return Object.fromEntries([
    ...(caFile === undefined ? [] : caVariables.map((name) => [name, caPath])),
    ...(proxy === undefined ? [] : ["HTTP_PROXY", "HTTPS_PROXY"].flatMap((name) => inBothCases(name, proxy))),
    ...(noProxy.length === 0 ? [] : inBothCases("NO_PROXY", noProxy.join(","))),
  ]);
}

/** Reads the file of `job-ca-file`; `undefined` when none is configured. Throws `CONFIG_INVALID`. */
export function readCa({ caFile }: JobProvisions): Uint8Array | undefined {
  if (caFile === undefined) return undefined;
  const fail = (why: string) => new AgentError("CONFIG_INVALID", `job-ca-file "${caFile}" ${why}`);
  let content: Uint8Array;
  try {
    content = readHostFile(caFile);
  } catch (error) {
    throw fail(`cannot be read: ${toMessage(error)}`);
  }
  if (content.length > maxCaBytes) throw fail(`is larger than ${maxCaBytes} bytes`);
  if (!Buffer.from(content).includes("-----BEGIN CERTIFICATE-----"))
    throw fail("contains no certificate (expected PEM)");
  return content;
}

/**
 * Sources the toolbox of `toolbox-path` in a job's shell, as the login profile of a host does. Resolves to why it
 * failed, for the job's log; to `undefined` when it worked or is not configured.
 */
export async function sourceToolbox(
  session: Session,
  { toolboxPath }: JobProvisions,
): Promise<string | undefined> {
  if (toolboxPath === undefined) return undefined;
  const file = `${toolboxPath}/toolbox`;
  const start = createTextStart(4096);
  // The toolbox sources its other files by ~/.toolbox.
  const link = `[ -e ~/.toolbox ] || ln -s ${quote(toolboxPath)} ~/.toolbox 2>/dev/null`;
  const code = await session.run(`{ ${link}; source ${quote(file)}; }`, start.add, { silent: true });
  if (code === 0) return undefined;
  return `toolbox "${file}" could not be sourced in the job's container (exit code ${code}): ${start.text.trim()}`;
}
