import { defineCommand, pullLogs, executor, findExecutor, type JobRequest, toMessage } from "signalman";
import { readCore } from "signalman/host";
import { serveArguments, toSettings } from "./arguments.ts";
import { loadCertificate } from "./certificate.ts";
import { toMaxBytes } from "./http/agent-log.ts";
import { createHostedSource } from "./source.ts";

/** Runs an agent that takes one job from clients of its API, instead of a control plane's. */
export default defineCommand({
  meta: { name: "serve", description: "run the agent in hosted mode: take one job over an HTTPS API" },
  group: "run",
  examples: [
    {
      line: 'signalman serve --auth-token-secret "$secret"',
      purpose: "wait for a job on port 8000, with ./server.crt",
    },
    {
      line: 'signalman serve --auth-token-secret "$secret" --port 8443 --tls-cert-path cert.pem',
      purpose: "use another port and certificate, with ./server.key",
    },
  ],
  listedOptions: [
    "log-level",
    "log-file-path",
    "state-dir",
    "job-memory",
    "stop-grace-period",
    "redacted-vars",
  ],
  namesOptions: true,
  args: serveArguments,
  configurationPlace: "agent",
  log: "all",
  // A configuration that is refused is exit status 1 (protocol section 8.7).
  refusedStatus: 1,
  configuration: {
    // Other than in `start` (protocol sections 6.2, 6.6, 8.3, 8.6).
    file: {
      "source-pre-job-hook": true,
      "fail-on-pre-job-hook-error": true,
      "expose-kvm-device": true,
      // A log that is not archived is lost with the machine, so the teardown waits for it.
      "log-flush-timeout": 24 * 3600,
      plugins: {
        "log-pull": { enabled: true },
        "ssh-jump-point": { enabled: true },
        shell: { "source-in-profile": true },
        "job-log-artifact": { "from-job": true },
      },
    },
    withoutFlags: [
      "config-file",
      "config-env",
      "source-pre-job-hook",
      "fail-on-pre-job-hook-error",
      "upload-job-logs",
    ],
    // Protocol section 8.5: the other variables belong to `start`.
    variables: [
      "state-dir",
      "allow-writable-configuration",
      "log-level",
      "log-format",
      "log-file-path",
      "log-file-size",
      "log-file-count",
      "logs-compression-size",
    ],
  },
  async run({ args, program }) {
    const settings = toSettings(args);
    program.logger.addSecrets([settings.secret]);
    const certificate = loadCertificate({ certPath: args["tls-cert-path"], keyPath: args["tls-key-path"] });
    const core = readCore(program);
    await program.runAgent(1, (host) =>
      createHostedSource({
        ...settings,
        certificate,
        callbacks: { attempts: settings.attempts, intervalMs: 1000 },
        agentLog: { path: core["log-file-path"], maxBytes: toMaxBytes(core["log-file-size"]) },
        logs: host.use(pullLogs, "pull"),
        findFault: (request) => findExecutorFault(request, { host, executors: core.executors }),
      }),
    );
  },
});

type Choice = Parameters<typeof findExecutor>[1];

/** Returns why no executor of this agent can run the job. */
function findExecutorFault(
  { executor: wanted, containers }: Pick<JobRequest, "executor" | "containers">,
  choice: Choice,
): string | undefined {
  try {
    const { name } = findExecutor(wanted, choice);
    choice.host.use(executor, name);
    if (name !== "dockercompose" || containers.length > 0) return undefined;
    return 'executor "dockercompose" needs a container: add one to "compose.containers"';
  } catch (error) {
    return toMessage(error);
  }
}
