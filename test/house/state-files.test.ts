import { expect, test } from "bun:test";
import { filesOf, textOf } from "../project.ts";

/** Files that open others than those of a state directory, or are the opener itself. */
const allowed: Readonly<Record<string, string>> = {
  "src/os/state/file.ts": "the opener",
  "src/os/state/document.ts": "new documents, in a directory that the opener holds",
  "src/os/state/overwritten-document.ts": "writes through descriptors of the opener",
  "src/os/state/private-directory.ts": "new directories, in a directory that the opener holds",
  "src/os/state/lock.ts": "reads and writes through descriptors of the opener",
  "src/os/file-trust/ownership.ts": "owner and mode only",
  "src/os/state/watch-directory.ts": "watches a directory that the opener holds",
  "src/os/state/boot-id.ts": "/proc",
  "src/os/network/socket-path.ts": "sockets, pinned by the opener",
  "src/job/host-paths.ts": "looks whether this program and a home exist",
  "src/job/journal/journal-file.ts": "writes through descriptors of the opener",
  "src/job/log/left-blocks.ts": "closes a descriptor of the opener",
  "src/job/log/spool-file.ts": "writes through descriptors of the opener",
  "src/job/log/spool-reader.ts": "reads through descriptors of the opener",
  "src/job/log/spool-lines.ts": "reads from an open descriptor",
  "src/job/log/spool-recovery.ts": "reads and cuts through descriptors of the opener",
  "src/job/log/read-start.ts": "reads through descriptors of the opener",
  "src/job/timeline/timeline-file.ts": "writes through descriptors of the opener",
  "src/job/timeline/read-timeline.ts": "reads through descriptors of the opener",
  "src/job/log/verify-spool.ts": "reads through descriptors of the opener",
  "src/job/process/open-listener.ts": "writes through descriptors of the opener",
  "src/job/process/spawn.ts": "closes a descriptor of the opener",
  "src/job/state/job-directory.ts": "a job's private directory in TMPDIR",
  "src/kit/executor/resolve-pid.ts": "/proc",
  "src/os/users/end-user-processes.ts": "/proc",
  "src/os/users/account-tables.ts": "/etc/passwd and /etc/group",
  "src/os/users/job-home.ts": "the mode of a home directory",
  "src/kit/host/root-rights.ts": "the modes of sockets",
  "src/job/commands/call-context.ts": "a directory in a job's private directory",
  "src/job/commands/job-socket.ts": "a socket in a job's private directory",
  "src/kit/job-exchange.ts": "socket, terminal and answers of the job that the process belongs to",
  "src/kit/host/check-script.ts": "looks at hook scripts, and opens none",
  "src/os/file-trust/host-file.ts": "the opener of other files that a job may have replaced",
  "src/os/log-file/log-file.ts": "the agent's log, with O_NONBLOCK and O_NOFOLLOW",
  "src/os/log-file/rotate.ts": "the agent's log",
  "src/os/this-process/output.ts": "looks at stdout and stderr through their descriptors",
  "src/os/this-process/watchdog/loop-watch.ts": "a new file in TMPDIR (O_EXCL)",
  "src/kit/usage/descendants.ts": "/proc",
  "src/os/this-process/program-code.ts": "/proc",
  "src/os/cgroup/group-tree.ts": "control groups in /sys",
  "src/os/cgroup/job-group.ts": "control groups in /sys",
  "src/kit/executor/left-groups.ts": "control groups in /sys",
  "src/os/cgroup/limits.ts": "control groups in /sys",
  "src/os/cgroup/place.ts": "control groups in /sys",
  "src/os/processes/kernel-file.ts": "/proc and control groups in /sys",
  "src/os/processes/proc.ts": "/proc",
  "src/kit/http/listen.ts": "a socket that the operator names",
  "src/kit/http/server.ts": "listens at a port, or through `listen.ts`",
  "src/kit/session/gap.ts": "a new file in a job's private directory (O_EXCL)",
  "src/kit/session/guard.ts": "/proc",
  "src/core/config/file.ts": "the configuration: the operator's, and regular files only",
  "src/core/config/parse.ts": "the configuration: the operator's, and regular files only",
  "src/core/host/entry.ts": "plugins: code of the operator",
  "src/core/host/plugin-version.ts": "plugins: code of the operator, and regular files only",
  "src/cli/commands/plugins-new.ts": "a new plugin",
  "src/cli/commands/plugins-test.ts": "tests of plugins",
  "src/cli/commands/service-install.ts": "looks whether the configuration exists; the program opens it",
  "src/cli/run/kept-log.ts": "looks whether the file exists, or makes its directory; the opener creates it",
  "src/cli/output/full-screen.ts": "restores the terminal through its descriptor",
  "src/cli/output/status-line.ts": "erases its line through the terminal's descriptor",
  "src/cli/migrate/installation.ts": "looks at the installation of another agent, which the opener reads",
  "src/cli/migrate/proposals.ts": "a new configuration",
  "src/cli/commands/upgrade.ts": "the program itself and the new one beside it, in a directory of root",
  "src/cli/help/pages.ts": "the documentation beside the sources of the program",
  "src/cli/upgrade/agents.ts": "/proc",
  "src/cli/upgrade/release.ts": "a release that the operator names: regular files only",
  "src/cli/upgrade/unpack.ts": "new files beside the program (O_EXCL)",
  "src/cli/service/launchd.ts": "the definition of the service, in a directory of root",
  "src/cli/service/prepare.ts":
    "variables of the service in a directory of root; the program's owner and mode",
  "src/cli/service/replace-file.ts":
    "the definition of the service, in a directory of root; the script of completion, in one of this user",
  "src/cli/service/systemd.ts": "the definition of the service, in a directory of root",
  "src/cli/run/job-file.ts": "job files of a person at a terminal, which may be pipes; at most 64 MiB",
  "src/cli/configuration/imported-files.ts": "plugins: code of the operator, and regular files only",
  "src/os/file-trust/find-writer.ts": "owner and mode only",
  "src/os/file-trust/foreign-entry.ts": "owner and mode only",
  "src/os/file-trust/path-steps.ts": "owner, mode and links only",
  "src/os/file-trust/mountinfo.ts": "/proc",
  "src/kit/recorder/readers.ts": "a socket in no directory",
  "src/kit/recorder/recorder.ts": "a socket in no directory",
  "src/kit/recorder/upgraded-stream.ts": "a server that an executor of the agent names",
  "src/testing/fixtures.ts": "temporary directories of tests",
  "src/testing/executor/isolation.ts": "a socket of a test",
};

/** Everything with which a program can open, list, remove or connect to something by its path. */
const opening =
  /\bnode:(fs|net)\b|\bBun\.(file|write|mmap|listen|connect|Glob|SQL)\b|\bbun:sqlite\b|(?<!\.)\brequire\(["'](fs|net)/;

/** Files that connect to or listen on sockets in a state directory, and the call of the opener that each must have. */
const sockets: Readonly<Record<string, RegExp>> = {
  "src/job/control/control-socket.ts": /removeEntry\(path\)[^]*Bun\.listen[^]*restrictSocket\(path\)/,
  "src/job/control/connection.ts": /pinSocket\(path\)[^]*unix: pinned\.path/,
  "src/agent/status-socket.ts":
    /openSocketPath[^]*removeEntry[^]*Bun\.listen[^]*pinSocket[^]*unix: pinned\.path/,
};

const sources = filesOf("src/**/*.ts").filter((file) => !file.endsWith(".test.ts"));

test("no other file of the program opens files by their path: those of a state directory go through src/os/state/file.ts", () => {
  const found = sources.filter((file) => opening.test(textOf(file)));
  expect(found.filter((file) => !(file in allowed) && !(file in sockets))).toEqual([]);
});

test("each file in the lists exists and opens something", () => {
  const listed = [...Object.keys(allowed), ...Object.keys(sockets)];
  expect(listed.filter((file) => !sources.includes(file) || !opening.test(textOf(file)))).toEqual([]);
});

test("files that read a spool or a lock by its path open it with openStateFile", () => {
  const own = Object.keys(allowed).filter((file) => /descriptors? of the opener/.test(allowed[file]!));
  expect(own.length).toBeGreaterThan(5);
  expect(own.filter((file) => !textOf(file).includes("openStateFile("))).toEqual([]);
  expect(
    own.filter((file) => /\b(openSync|statSync|readFileSync|writeFileSync|existsSync)\(/.test(textOf(file))),
  ).toEqual([]);
});

test.each(Object.entries(sockets))("%s pins and restricts its socket", (file, calls) => {
  expect(textOf(file)).toMatch(calls);
});
