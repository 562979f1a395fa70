import { AgentError, toMessage } from "../../core/errors.ts";
import type { PullCredentials, RegistryLogin } from "./decode.ts";

type EcrCredentials = Extract<PullCredentials, { kind: "AWS_ECR" }>;

/** A login of Amazon's registry, and the command line that a person would have used. */
export interface EcrLogin {
  readonly login: RegistryLogin;
  readonly commandLine: string;
}

/** Gets a password for Amazon's registry from the `aws` program, either of its generations (protocol section 6.3). */
export async function getEcrLogin(
  credentials: EcrCredentials,
  options: { readonly environment: Readonly<Record<string, string>>; readonly signal: AbortSignal },
): Promise<EcrLogin> {
  const { region } = credentials;
  const run = (...words: string[]) => runAws(words, credentials, options);
  const version = await run("--version");
  if (version.startsWith("aws-cli/1.")) {
    const only = credentials.account === undefined ? [] : ["--registry-ids", credentials.account];
    const said = await run("ecr", "get-login", "--no-include-email", "--region", region, ...only);
    return { login: parseLogin(said), commandLine: toOldCommandLine(only) };
  }
  const account =
    credentials.account ??
    (await run("sts", "get-caller-identity", "--query", "Account", "--output", "text"));
  const server = `${account}.dkr.ecr.${region}.amazonaws.com`;
  const password = await run("ecr", "get-login-password", "--region", region);
  return {
    login: { server, username: "AWS", password },
    commandLine: `aws ecr get-login-password --region $AWS_REGION | docker login --username AWS --password-stdin ${account}.dkr.ecr.$AWS_REGION.amazonaws.com`,
  };
}

function toOldCommandLine(only: readonly string[]): string {
  return `$(${["aws ecr get-login --no-include-email --region $AWS_REGION", ...only].join(" ")})`;
}

/** The first generation prints a command: `docker login -u AWS -p <password> https://<server>`. */
function parseLogin(said: string): RegistryLogin {
  const [, username, password, server] = /-u (\S+) -p (\S+) (?:-e none )?(\S+)/.exec(said) ?? [];
  if (username === undefined || password === undefined || server === undefined)
    throw new AgentError("PROGRAM_FAILED", '"aws ecr get-login" printed no login command');
  return { server, username, password };
}

/** The program sees the job's credentials and none of the agent's. */
async function runAws(
  words: readonly string[],
  credentials: EcrCredentials,
  { environment, signal }: { environment: Readonly<Record<string, string>>; signal: AbortSignal },
): Promise<string> {
  const what = `"aws ${words.slice(0, 2).join(" ")}"`;
  const program = Bun.which("aws", { PATH: environment["PATH"] ?? "" });
  if (program === null)
    throw new AgentError(
      "PROGRAM_FAILED",
      'credentials for ECR need the AWS CLI: "aws" not found in the agent\'s PATH',
    );
  const passed = Object.entries(environment).filter(([name]) => passedNames.test(name));
  try {
    const child = Bun.spawn([program, ...words], {
      env: { ...Object.fromEntries(passed), ...credentials.environment },
      stdio: ["ignore", "pipe", "pipe"],
      signal,
      killSignal: "SIGKILL",
    });
    const [said, complaint, code] = await Promise.all([
      child.stdout.text(),
      child.stderr.text(),
      child.exited,
    ]);
    if (code === 0) return (said.trim() || complaint).trim();
    const reason = complaint.trim() || `exit code ${code}`;
    throw new AgentError("PROGRAM_FAILED", `${what} failed: ${reason}`);
  } catch (cause) {
    if (cause instanceof AgentError) throw cause;
    throw new AgentError("PROGRAM_FAILED", `${what} failed: ${toMessage(cause)}`, { cause });
  }
}

const passedNames =
  /^(PATH|LANG|LC_\w+|TMPDIR|(https?|no|all)_proxy|SSL_CERT_\w+|AWS_CA_BUNDLE|REQUESTS_CA_BUNDLE)$/i;
