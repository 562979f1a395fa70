import { binary, env } from "./running-agent.ts";

/** A compiled hub without a limit of logs. */
export interface BenchHub extends AsyncDisposable {
  readonly endpoint: string;
}

export async function startHub(): Promise<BenchHub> {
  const options = ["--port", "0", "--log-limit", "0", "--sync-interval", "1000", "--token", "bench-token"];
  const server = Bun.spawn([binary, "hub", ...options], { env, stdout: "pipe", stderr: "inherit" });
  const reader = server.stdout.getReader();
  let text = "";
  while (!/listening on \S+\n/.test(text)) text += new TextDecoder().decode((await reader.read()).value);
  return {
    endpoint: /listening on (\S+)\n/.exec(text)![1]!,
    async [Symbol.asyncDispose]() {
      server.kill();
      await server.exited;
    },
  };
}
