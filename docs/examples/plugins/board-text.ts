import { type BoardState, definePlugin, jobBoardViewer, v } from "signalman";
import type { HttpLimits } from "signalman/http";

const limits: HttpLimits = { connections: 16, requests: 1, requestMs: 2000, answerMs: 10_000, idleMs: 2000 };

/** Serves the jobs of an agent as a page of plain text, for `curl` and `watch`. */
export default definePlugin({
  name: "board-text",
  description: "serves the agent's jobs as text",
  runsIn: ["agent"],
  config: v.strictObject({ port: v.optional(v.pipe(v.number(), v.description("Port of the page")), 8095) }),
  setup(ctx, { port }) {
    ctx.provide(jobBoardViewer, "board-text", {
      async open(board) {
        const { openHttpServer } = await import("signalman/http");
        const address = { kind: "tcp", host: "127.0.0.1", port } as const;
        const options = { address, option: "port of board-text", limits, logger: ctx.log };
        const server = await openHttpServer(options, (exchange) =>
          // Read when it is asked for: a board that nobody looks at costs nothing.
          exchange.send(200, toText(board.read())),
        );
        ctx.defer(server.close);
        return server.url;
      },
    });
  },
});

function toText({ agents, jobs }: BoardState): string {
  const lines = [
    ...agents.map(({ name, state, reason = "" }) => `${state.padEnd(10)}${name} ${reason}`),
    ...jobs.map(({ id, name = "", state, result = state }) => `${result.padEnd(10)}${id} ${name}`),
  ];
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}
