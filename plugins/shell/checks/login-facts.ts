import type { Finding } from "signalman";

/** Scripts that a job's shell runs for the check. Each prints one line, empty when the fact is missing. */
export const facts = [
  { name: "git", script: "git --version 2>/dev/null" },
  { name: "checkout", script: "type -t checkout" },
  { name: "toolbox", script: "ls -d ~/.toolbox/toolbox 2>/dev/null" },
  { name: "charset", script: "locale charmap 2>/dev/null" },
  { name: "path", script: 'printf %s "$PATH"' },
] as const;

export type LoginFacts = Readonly<Record<(typeof facts)[number]["name"], string>>;

export function toFindings({ git, checkout, toolbox, charset, path }: LoginFacts): Finding[] {
  return [
    toGit(git, path),
    toToolbox(checkout, toolbox),
    { level: "ok", title: `character set: ${charset || "unknown"}` },
  ];
}

function toGit(git: string, path: string): Finding {
  if (git !== "") return { level: "ok", title: git };
  return {
    level: "error",
    title: "git not found in the PATH of jobs: no job can check out a repository",
    detail: `PATH after the login profile: ${path}`,
    remedy: "install git, or add its directory to PATH in the login profile",
  };
}

/** `checkout` is a function of the toolbox, which the login profile must source (protocol section 11). */
function toToolbox(checkout: string, toolbox: string): Finding {
  if (checkout !== "") return { level: "ok", title: `jobs have the command \`checkout\` (a ${checkout})` };
  const title = "jobs do not have the command `checkout`";
  return toolbox === ""
    ? {
        level: "warning",
        title: `${title}: Semaphore's toolbox is not in ~/.toolbox`,
        remedy:
          "unpack the toolbox (self-hosted-linux.tar of its releases) to ~/.toolbox, run ~/.toolbox/install-toolbox, and source ~/.toolbox/toolbox in ~/.bash_profile",
      }
    : {
        level: "warning",
        title: `${title}: the login profile does not source the toolbox`,
        remedy: "add this line to ~/.bash_profile: source ~/.toolbox/toolbox",
      };
}
