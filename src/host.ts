/**
 * The SDK for plugins that look after this machine: its users, files, service units, and the agents and logs on it.
 *
 * A comment between the exports begins a page of `docs/sdk`: its title, and the question that it answers.
 *
 * @module signalman/host
 */

// Jobs and agents of a host: their logs, state directories and options
export { listJobs, type StoredJob } from "./agent/kept-logs.ts";
export { openJobLog, type OpenJobLogOptions, type JobLogReader } from "./agent/job-log-reader.ts";
export type { JobLogEnd } from "./agent/log-watch.ts";
export {
  defaultStateDirectory,
  findStateDirectory,
  listAgentDirectories,
  listRunningAgents,
} from "./os/state/directory.ts";
export type { CoreConfig } from "./agent/options/index.ts";
export { findCore, readCore } from "./agent/options/read-core.ts";

// Files and locks: files that others may write, scripts, and locks
export { takeLock, readHolder } from "./os/state/lock.ts";
export { makeOwnDirectory } from "./os/state/private-directory.ts";
export { openHostFile, readHostFile } from "./os/file-trust/host-file.ts";
export { findForeignReason } from "./os/file-trust/foreign-entry.ts";
export { findOwnershipFault } from "./os/file-trust/ownership.ts";
export { checkScript } from "./kit/host/check-script.ts";

// Host inspection: what only the built-in plugins need of a host; it may change with any version
export { coreName, toOwnerName } from "./core/config/flags.ts";
export { toMode } from "./os/file-trust/path-steps.ts";
export { onSignals } from "./cli/signals.ts";
export { findJobUsers } from "./agent/job-user.ts";
export { findHomeFault, type HomeFault } from "./os/users/job-home.ts";
export { findEngineSockets, findRootRights, type RootRight } from "./kit/host/root-rights.ts";
export { toFileSystem } from "./kit/host/file-system.ts";
export { askSystem } from "./kit/host/ask-system.ts";
export { readBootId } from "./os/state/boot-id.ts";
export { findServiceUnit, toAdvice, toUnitName } from "./os/systemd/service-unit.ts";
export { toShutdownSeconds, toUnitSettings } from "./os/systemd/unit-settings.ts";
