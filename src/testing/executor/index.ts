import { describe } from "bun:test";
import { testAnswers } from "./answers.ts";
import { testCleanUp } from "./clean-up.ts";
import { testCommands } from "./commands.ts";
import { testDisposal } from "./disposal.ts";
import { testEnvironment, testEnvironmentValues } from "./environment.ts";
import { testFileContents, testFiles } from "./files.ts";
import { testIsolation } from "./isolation.ts";
import { testBackgroundOutput, testSession } from "./session.ts";
import { testSideSession } from "./side-session.ts";
import { testScriptStop, testStop } from "./stop.ts";
import type { ExecutorSubject } from "./subject.ts";
import { testUsage } from "./usage.ts";
import { testCommandVariables, testVariables } from "./variables.ts";

/**
 * The contract of `Executor` as tests for `bun test`. Call it at the top of a test file:
 * `testExecutor({ name: "shell", create: (context) => createShell(context) })`.
 */
export function testExecutor(subject: ExecutorSubject): void {
  describe(`executor ${subject.name}`, () => {
    testCommands(subject);
    testEnvironment(subject);
    testFiles(subject);
    testStop(subject);
    testDisposal(subject);
    testUsage(subject);
    testCleanUp(subject);
    if (subject.shell === false) return;
    testSession(subject);
    testBackgroundOutput(subject);
    testEnvironmentValues(subject);
    testVariables(subject);
    testCommandVariables(subject);
    testFileContents(subject);
    testScriptStop(subject);
    testIsolation(subject);
    testAnswers(subject);
    if (subject.sideSessions !== false) testSideSession(subject);
  });
}
