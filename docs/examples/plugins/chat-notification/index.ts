import { definePlugin } from "signalman";
import { config } from "./config.ts";
import { isWanted, toText } from "./message.ts";
import { createOutbox } from "./outbox.ts";

/** Posts to a chat when a job has failed. */
export default definePlugin({
  name: "chat-notification",
  description: "posts to a chat when a job has failed",
  runsIn: ["agent"],
  config,
  flags: {
    "chat-notification-url": "url",
    "chat-notification-results": "results",
    "chat-notification-projects": "projects",
    "chat-notification-branches": "branches",
  },
  setup(ctx, options) {
    const { url } = options;
    if (url === undefined) return;
    const outbox = createOutbox({
      url,
      logger: ctx.log,
      retryDelayMs: options["retry-delay"] * 1000,
      shutdown: ctx.signal,
      // `signalman status` shows it while the webhook does not answer.
      onWaiting: (messages) => ctx.status(messages > 0 ? `${messages} messages wait` : undefined),
    });
    // The job's result is reported after this hook, so the hook only queues the message.
    ctx.hook("agent:job-ended", (event) => {
      if (isWanted(event, options)) outbox.post(toText(event));
    });
    ctx.defer(() => outbox.flush());
  },
});
