import type { Finding } from "signalman";

/** What a job's shell is asked: one line each, empty when there is none. */
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
    title: "jobs find no git, so that they cannot check anything out",
    detail: `PATH after the login profile: ${path}`,
    remedy: "install git, or put its directory into PATH in the login profile",
  };
}

/** `checkout` is a function, which the toolbox brings when the login profile sources it (protocol section 11). */
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
