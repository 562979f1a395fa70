import { join } from "node:path";
import { runAgent } from "../agent/agent.ts";
import { listenToOperator } from "../agent/operator-signals.ts";
import type { SlotJobs } from "../agent/slot-jobs.ts";
import { serveStatus } from "../agent/status-socket.ts";
import { createStatusBoard } from "../agent/status-board.ts";
import { coreName } from "../core/config/flags.ts";
import { isAgentError } from "../core/errors.ts";
import { withoutSecrets } from "../job/base-environment.ts";
import { thisProgram } from "../job/process/waiting-process.ts";
import type { JobProcessInput } from "../job/process/messages.ts";
import type { CoreConfig } from "../agent/core-options.ts";
import { loadLibc } from "../os/processes/libc.ts";
import { startReaper } from "../os/processes/reaper.ts";
import { jobSource } from "../core/contracts/services.ts";
import { socketDirectories } from "../os/socket-path.ts";
import { openStateDirectory } from "../os/state/directory.ts";
import { defineCommand, type Program } from "../core/contracts/command.ts";
import { toSettings } from "./settings.ts";

/** Becomes an agent of the control plane, and stays one until it is told to leave. */
export default defineCommand({
  meta: {
    name: "start",
    description: "run the agent: take jobs from the control plane and execute them",
  },
  log: "all",
  // A configuration that is refused is exit status 1 (protocol section 8.7).
  refusedStatus: 1,
  async run({ program }) {
    // Other processes of our user shall not read the token out of this one.
    loadLibc()?.setUndumpable();
    // A limit of file size (`ulimit -f`) is an error of the write, not the end of the agent.
    process.on("SIGXFSZ", () => {});
    const core = program.config.of(coreName) as CoreConfig;
    const jobs: Pick<SlotJobs, "stopAll" | "killAll">[] = [];
    using signals = listenToOperator({
      onSecond() {
        program.logger.warn("told twice to leave: jobs that run are stopped now");
        jobs.forEach((each) => each.stopAll());
      },
      onThird() {
        program.logger.warn(
          "told three times to leave: jobs that run are killed, and the agent exits with 1",
        );
        jobs.forEach((each) => each.killAll());
        process.exit(1);
      },
      onReopen: () => program.logger.reopen(),
    });
    // As PID 1 of a container we get all orphans: what a job was allowed to leave, and what its process left when it died.
    using _reaper = startReaper();
    await using host = await program.openHost({ roles: ["agent"], onStop: signals.stop });
    const { identity } = host.use(jobSource, core["control-plane"]);
    using state = openStateDirectory({ directory: core["state-dir"], env: process.env, agent: identity });
    const { version, logger } = program;
    const status = createStatusBoard({ version, stateDirectory: state.path });
    using sockets = new DisposableStack();
    const listen = () => sockets.use(serveStatus({ directory: state.path, status, logger }));
    listen();
    const settings = toSettings(program, state.agentId);
    const hasHomes = core.slots > 1 && core["slot-home"] === "own";
    const end = await runAgent({
      version,
      host,
      logger,
      source: core["control-plane"],
      slots: core.slots,
      state,
      status,
      settingsOf: (slot) => ({
        // Beside the state, so that they stay when a service's runtime directory goes.
        socketDirectories: socketDirectories(join(state.slot(slot), "run"), process.env),
        // Our tokens do not get there, so nothing there can show them.
        settings: { ...settings, secrets: [], ...(hasHomes && { home: join(state.slot(slot), "home") }) },
      }),
      plugins: toJobPlugins(program),
      log: {
        path: core["log-file-path"],
        rotation: { maxBytes: core["log-file-size"], count: core["log-file-count"] },
        level: core["log-level"],
        format: core["log-format"],
        name: "",
      },
      program: thisProgram(),
      env: withoutSecrets(process.env, settings.secretVariables),
      claimTimeoutMs: core["claim-timeout"] * 1000,
      flushTimeoutMs: core["log-flush-timeout"] * 1000,
      keptLogs: { maxBytes: core["kept-logs-size"], maxAgeMs: core["kept-logs-days"] * 24 * 3600 * 1000 },
      holdState() {
        try {
          if (!state.hold()) return;
          logger.error(`the state directory "${state.path}" was removed; what it held is gone`);
          listen();
        } catch (error) {
          // Whoever works there now shall not lose its jobs to us.
          if (isAgentError(error, "STATE_LOCKED")) signals.stop("requested");
          throw error;
        }
      },
      signals,
      onJobs: (theirs) => void jobs.push(theirs),
    });
    process.exitCode = end?.isFailed ? 1 : 0;
  },
});

/** What a job's process must know to load its plugins as we loaded them. */
function toJobPlugins(program: Program): JobProcessInput["plugins"] {
  return program.plugins
    .filter(({ plugin }) => plugin.runsIn?.includes("job") ?? true)
    .map(({ plugin, origin }) => ({
      key: origin.kind === "built-in" ? plugin.name : origin.path,
      origin: origin.kind === "built-in" ? "built-in" : "external",
      config: program.config.of(plugin.name),
    }));
}
