import { describe } from "bun:test";
import { testCommands } from "./commands.ts";
import { testDisposal } from "./disposal.ts";
import { testEnvironment } from "./environment.ts";
import { testFiles } from "./files.ts";
import { testSession } from "./session.ts";
import { testStop } from "./stop.ts";
import type { ExecutorSubject } from "./subject.ts";
import { testUsage } from "./usage.ts";

/**
 * The contract of an executor, as tests for `bun test`. It says what the essay over `Executor` says; call it at the top of a
 * test file: `testExecutor({ name: "shell", create: (context) => createShell(context) })`.
 */
export function testExecutor(subject: ExecutorSubject): void {
  describe(`executor ${subject.name}`, () => {
    testCommands(subject);
    testEnvironment(subject);
    testFiles(subject);
    testStop(subject);
    testDisposal(subject);
    testUsage(subject);
    if (subject.shell !== false) testSession(subject);
  });
}
