import type { BoardJob } from "signalman";
import { createFeed, type Feed, toServerEvent } from "./feed.ts";
import type { Row } from "./log/log-index.ts";
import type { OpenLogs, UsedLog } from "./log/open-logs.ts";
import { toNews } from "./timeline.ts";

/** The feeds of the jobs that clients follow, one for each job. */
export interface JobFeeds {
  /** Returns the feed of a job. */
  of(jobId: string): Feed;
}

export interface JobFeedsOptions {
  readonly logs: OpenLogs;
  readonly findJob: (jobId: string) => BoardJob | undefined;
}

/** Four times a second is as often as rows can be followed by eye. */
const everyMs = 250;
/** Rows that a message brings; a client reads the others when it shows them. */
const mostRows = 200;
const mostCommands = 50;
/** Characters of these rows, since every client that reads slowly has one message waiting. */
const mostCharacters = 32 * 1024;

export function createJobFeeds({ logs, findJob }: JobFeedsOptions): JobFeeds {
  const feeds = new Map<string, Feed>();
  return {
    of(jobId) {
      const known = feeds.get(jobId);
      if (known) return known;
      const source = createSource(jobId, { logs, findJob });
      const feed = createFeed({
        read: source.read,
        everyMs,
        onIdle() {
          source[Symbol.dispose]();
          feeds.delete(jobId);
        },
      });
      feeds.set(jobId, feed);
      return feed;
    },
  };
}

function createSource(jobId: string, { logs, findJob }: JobFeedsOptions) {
  let used: UsedLog | undefined;
  let isDisposed = false;
  let sent = 0;
  return {
    async read(): Promise<string> {
      used ??= await logs.use(jobId);
      if (isDisposed) used?.[Symbol.dispose]();
      await used?.index.advance();
      const text = toMessage(findJob(jobId), used, sent);
      sent = used?.index.total ?? 0;
      return text;
    },
    [Symbol.dispose]() {
      isDisposed = true;
      used?.[Symbol.dispose]();
    },
  };
}

/** `sent`: rows of the messages before; the last one of them may have grown. */
function toMessage(job: BoardJob | undefined, used: UsedLog | undefined, sent: number): string {
  if (!used)
    return toServerEvent({ job, total: 0, count: 0, from: 0, rows: [], commandsFrom: 0, commands: [] });
  const { index } = used;
  const timeline = used.timeline && toNews(used.timeline.read());
  const { total, outline } = index;
  const begin = Math.max(0, sent - 1, total - mostRows);
  const rows = keepEnd(index.rows(begin, mostRows));
  const commandsFrom = Math.max(0, outline.commands.length - mostCommands);
  return toServerEvent({
    job,
    total,
    count: outline.count,
    from: total - rows.length,
    rows,
    commandsFrom,
    commands: outline.commands.slice(commandsFrom),
    ...(timeline && { timeline }),
  });
}

/** Returns the last rows that a message may have, at least one. */
function keepEnd(rows: readonly Row[]): readonly Row[] {
  let characters = 0;
  const first = rows.findLastIndex(([text]) => (characters += text.length) > mostCharacters);
  return rows.slice(Math.min(first + 1, rows.length - 1));
}
