import { expect, test } from "bun:test";
import { filesOf, textOf } from "../project.ts";

/** Files that collect what arrives in pieces or read a stream to its end, and where the bound of each is. */
const allowed: Readonly<Record<string, string>> = {
  "src/agent/status-socket.ts": "`maxAnswerLength`",
  "src/cli/job-view/display.ts": "`longestHeldLine`",
  "src/cli/job-view/renderer.ts": "what one batch of events shows",
  "src/cli/job-view/view-job.ts": "a finished log, written in pieces",
  "src/cli/job-view/select-events.ts": "lines of one batch",
  "src/cli/run/job-file.ts": "`limitBytes`",
  "src/cli/completion/unquote-bash.ts": "one word of a command line",
  "src/cli/upgrade/signature.ts": "fields of a small file",
  "src/job/commands/http-request.ts": "`maxHeadBytes`",
  "src/job/commands/job-sequences.ts": "`maxSequenceBytes`",
  "src/job/log/aside.ts": "`longestLine`",
  "src/job/log/filter-chain.ts": "what one filter held back",
  "src/job/log/spool.ts": "a notice and one text",
  "src/job/log/spool-lines.ts": "a line of a log has 128 MiB at most",
  "src/job/log/spool-recovery.ts": "a line of a log has 128 MiB at most",
  "src/job/control/line-writer.ts": "`maxKeptBytes`",
  "src/job/end/close-job.ts": "a few events of the agent itself",
  "src/job/process/input.ts": "written by the agent: its settings and the request, which has a limit",
  "src/job/run-in-fresh-session.ts": "`keptBytes`",
  "src/kit/recorder/main.ts": "`inputBytes`",
  "src/kit/recorder/upgraded-stream.ts": "`headBytes`, and one piece",
  "src/kit/http/body-pieces.ts": "`mostKeptBytes`",
  "src/kit/http/exchange.ts": "`maxBytes` of a body",
  "src/kit/run-program.ts": "`lineLimit`, with the longest secret",
  "src/kit/seal.ts": "the text to seal",
  "src/core/text/text-start.ts": "`maxBytes` of createTextStart",
  "src/os/systemd/notify.ts": "the address of a socket",
  "src/kit/session/gap.ts": "`memoryBytes`, then a file of `fileBytes`",
  "src/kit/session/markers.ts": "`maxLength`",
  "src/kit/session/noise.ts": "the session's own line, and `traceBytes`",
  "src/kit/session/shell-state.ts": "`tailBytes`",
  "plugins/cache/credentials.ts": "an access key of its own",
  "plugins/cache/operator/client.ts": "`mostBytes`",
  "plugins/cache/s3/chunked-payload.ts": "`mostLineBytes`, and one piece",
  "plugins/cache/s3/payload.ts": "`mostBytes` of readWhole",
  "plugins/cache/s3/xml.ts": "a document that was read with a bound",
  "plugins/cache/store/manifest.ts": "one manifest",
  "plugins/cache/upstream/bucket.ts": "nothing: an upload that the S3 client reads part by part",
  "plugins/docker/containers/services.ts": "20 entries of a log, which the engine cuts at 16 KiB",
  "plugins/docker/containers/tar.ts": "`maxBytes` of readFirstFile; archives of the request's files",
  "plugins/docker/session/keeper-script.ts": "one order of 4 KiB",
  "plugins/docker/session/put-bytes.ts": "one file of the agent itself",
  "plugins/git-mirrors/job/byte-source.ts": "`mostBytes`",
  "plugins/git-mirrors/job/certificate.ts": "one certificate",
  "plugins/git-mirrors/job/http-proxy.ts": "`announcementBytes`, `mostRequestBytes`",
  "plugins/git-mirrors/job/serve-ssh.ts": "`batchBytes`, and one packet; `mostRequestBytes`",
  "plugins/git-mirrors/protocol/packets.ts": "one packet of 64 KiB and one piece",
  "plugins/git-mirrors/protocol/request.ts": "a request that was read with a bound",
  "plugins/hub/cli/show-log.ts": "`maxLineBytes`",
  "plugins/hub/model/log.ts": "one request of an agent, limited by its reader",
  "plugins/kubernetes/client/exec.ts": "one frame of standard input",
  "plugins/kubernetes/session/steps.ts": "one word of a step",
  "plugins/log-push/outbox.ts": "limits of a batch",
  "plugins/page/browser/bars.ts": "parts of one bar",
  "plugins/page/browser/call.ts": "runs in a browser",
  "plugins/page/bundle.ts": "files of the program",
  "plugins/page/log/download.ts": "what one batch of events has",
  "plugins/redact/command.ts": "`maxInputBytes`",
  "plugins/redact/encodings.ts": "one value",
  "plugins/redact/redactor.ts": "the longest value, and `mostColourBytes`",
  "plugins/semaphore/machine-facts.ts": "a program of macOS",
};

/** Ways to collect. */
const patterns: Readonly<Record<string, RegExp>> = {
  "a text that grows": /\b(?:rest|text|line|output|held|said|body|data|pending|tail|all)\b\s*\+=/,
  "a text and the next piece": /\b\w+ \+ \w*[dD]ecoder\w*\.decode\(/,
  "a list of pieces": /\b(?:chunks?|pieces|buffers|received|all)\.push\(/,
  "joined bytes": /\bBuffer\.concat\(|\bconcatArrayBuffers\(/,
  "a body or stream to its end":
    /\.(?:text|json|arrayBuffer|bytes|blob|formData)\(\)|\bnew Response\(|\breadableStreamTo|\bnode:stream\/consumers|\bArray\.fromAsync\(/,
};

const sources = filesOf("src/**/*.ts", "plugins/**/*.ts").filter(
  (file) => !file.endsWith(".test.ts") && !/^src\/testing\/|\/testing\//.test(file),
);

/** Descriptions of the collectors in a text, without its comments. */
function collectorsIn(text: string): string[] {
  const code = text.replace(/^\s*(?:\/\/|\/?\*).*$/gm, "");
  return Object.keys(patterns).filter((name) => patterns[name]!.test(code));
}

test("only listed files collect a stream, each with the bound in the list", () => {
  const found = sources.filter((file) => collectorsIn(textOf(file)).length > 0 && !(file in allowed));
  expect(found.map((file) => `${file}: ${collectorsIn(textOf(file)).join(", ")}`)).toEqual([]);
});

test("each file in the list exists and collects something", () => {
  const stale = Object.keys(allowed).filter(
    (file) => !sources.includes(file) || collectorsIn(textOf(file)).length === 0,
  );
  expect(stale).toEqual([]);
});

test("a bound that the list names in backquotes is in the file", () => {
  const missing = Object.entries(allowed).flatMap(([file, where]) =>
    Array.from(where.matchAll(/`(\w+)`/g), ([, name = ""]) => name)
      .filter((name) => !textOf(file).includes(name))
      .map((name) => `${file}: ${name}`),
  );
  expect(missing).toEqual([]);
});

test.each([
  "rest += decoder.decode(chunk, { stream: true });",
  "text += Buffer.from(chunk).toString();",
  "const lines = (rest + decoder.decode(bytes)).split('\\n');",
  "stream.on('data', (chunk) => all.push(chunk));",
  "for await (const chunk of stream) chunks.push(chunk);",
  "held = Buffer.concat([held, bytes]);",
  "const body = await response.json();",
  "return new Response(child.stdout).text();",
  "const bytes = await Bun.readableStreamToBytes(stream);",
  "import { text } from 'node:stream/consumers';",
  "const chunks = await Array.fromAsync(stream);",
])("code that collects a stream is found: %s", (code) => {
  expect(collectorsIn(code)).not.toEqual([]);
});

test.each([
  "// held += chunk",
  "const lines = createBoundedLineReader({ maxBytes: 1024, onLine, onTooLong });",
  "const { text } = await readBody(response, 1024);",
  "const start = createTextStart(1024);",
  "size += bytes.length;",
])("code that collects no stream is not found: %s", (code) => {
  expect(collectorsIn(code)).toEqual([]);
});
