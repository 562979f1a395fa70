import type { AgentStatus } from "../core/contracts/agent-status.ts";
import type { Host } from "../core/contracts/host.ts";
import type { JobBoardViewer } from "../core/contracts/job-board.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { jobBoardViewer } from "../core/contracts/services.ts";
import { toMessage } from "../core/errors.ts";
import type { JobBoardOptions, JobFacts } from "./job-board.ts";
import type { SlotListener } from "./slot-notifier.ts";

/** The agent's board for its viewers. */
export interface ViewedBoard {
  /** Follows the slots, for what the files of a job do not tell once it is reported. */
  readonly follower: SlotListener;
  /** Opens the viewers, without waiting for them: a page that cannot be shown must not delay jobs. */
  open(logger: Pick<Logger, "error">): void;
}

/** Returns `undefined` when no plugin shows the board, which then costs nothing. */
export function createViewedBoard(
  host: Pick<Host, "all">,
  readStatus: () => AgentStatus,
): ViewedBoard | undefined {
  const viewers = host.all(jobBoardViewer);
  if (viewers.size === 0) return undefined;
  const requests = new Map<string, JobFacts>();
  return {
    follower: {
      jobFollowed({ job: { id, name, executor, env } }) {
        // Values are only kept where the board shows them.
        const kept = env.map((each) => (shownValues.has(each.name) ? each : { name: each.name, value: "" }));
        requests.set(id, { name, executor, env: kept });
        const [oldest = ""] = requests.keys();
        if (requests.size > mostRequests) requests.delete(oldest);
      },
    },
    open(logger) {
      void openAll([...viewers.values()], { readStatus, requests }).catch((error: unknown) =>
        logger.error(toMessage(error)),
      );
    },
  };
}

/** The variables of a job whose values the board shows. */
export const shownValues = new Set(["SEMAPHORE_PROJECT_NAME", "SEMAPHORE_GIT_BRANCH"]);

const mostRequests = 1000;

async function openAll(viewers: readonly JobBoardViewer[], options: JobBoardOptions): Promise<void> {
  const { createJobBoard } = await import("./job-board.ts");
  const board = createJobBoard(options);
  const openings = await Promise.allSettled(viewers.map((viewer) => viewer.open(board)));
  const faults = openings.flatMap((each) => (each.status === "rejected" ? [toMessage(each.reason)] : []));
  if (faults.length > 0) throw new Error(faults.join("; "));
}
