import { createDummyExecutor, jobRequest, testExecutor } from "../../src/testing/index.ts";

testExecutor({
  name: "dummy",
  create: createDummyExecutor,
  createBroken: (context) =>
    createDummyExecutor({
      ...context,
      job: jobRequest({ commands: [{ directive: "fail start", alias: "" }] }),
    }),
  shell: false,
  commands: {
    print: (text) => `print ${text}`,
    exit: (code) => `exit ${code}`,
    sleep: (seconds) => `sleep ${seconds}`,
  },
});
