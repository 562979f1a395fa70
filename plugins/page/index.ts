import { definePlugin, jobBoardViewer } from "signalman";
import { config } from "./config.ts";

/** Serves a page with the agents, jobs and logs of a hub or an agent. */
export default definePlugin({
  name: "page",
  description: "serves a page with agents, jobs and logs",
  runsIn: ["agent"],
  config,
  flags: {
    "page-listen": "listen",
    "page-hosts": "hosts",
    "page-token": "token",
    "page-token-file": "token-file",
    "page-read-token": "read-token",
    "page-read-token-file": "read-token-file",
  },
  setup(ctx, options) {
    if (options.listen === "") return;
    ctx.provide(jobBoardViewer, "page", {
      async open(board) {
        const { openPage } = await import("./page.ts");
        const page = await openPage(board, { options, logger: ctx.log });
        ctx.defer(page.close);
        return page.url;
      },
    });
  },
});
