import type { JobCommandHandler } from "../../src/core/contracts/job-command.ts";
import type { Logger } from "../../src/core/contracts/logger.ts";
import type { JobCallFacts } from "../../src/job/commands/call-context.ts";
import { createJobCalls, type JobCalls } from "../../src/job/commands/job-calls.ts";
import { createJobVariables } from "../../src/job/job-variables.ts";
import { jobRequest, silentLogger } from "../../src/testing/index.ts";

/** The calls of a job with these commands. */
export function createTestCalls(
  commands: ReadonlyMap<string, JobCommandHandler>,
  { logger = silentLogger, ...facts }: Partial<JobCallFacts> & { readonly logger?: Logger } = {},
): JobCalls {
  return createJobCalls({
    commands,
    logger,
    facts: {
      job: jobRequest(),
      slot: 0,
      user: undefined,
      home: "/nowhere",
      jobDirectory: "/nowhere",
      variables: createJobVariables(() => {}),
      write() {},
      ...facts,
    },
  });
}
