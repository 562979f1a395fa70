import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readConfigFile } from "../../../src/core/config/parse.ts";
import { tmpdir } from "../../../src/testing/index.ts";

const yaml = `# log-level: no
extends: ./base.yaml
Log-Level: debug
list:
  - log-level: x
"quoted key": 1
plugins:
  './a.ts':
    depth: 2
  shell: { start-timeout: 3 }
  ? complex
  : &defaults
    depth: 4
  ./b.ts: *defaults
$env:
  staging:
    log-level: warn
`;

const json = `{
  // "log-level": "no"
  "text": "\\"log-level\\": {",
  /* a
     comment */
  "plugins": { "shell": {
    "start-timeout": 3 } },
  "list": [{ "log-level": 1 }],
  "log-level": "debug"
}`;

const toml = `# log-level = "no"
text = "log-level = 1"
[plugins.shell]
start-timeout = 3
[plugins."./a.ts"]
depth = 2
["$env".staging]
log-level = "warn"
`;

test.each([
  [yaml, ".yaml", ["log-level"], 3],
  [yaml, ".yaml", ["quoted key"], 6],
  [yaml, ".yaml", ["plugins", "./a.ts", "depth"], 9],
  [yaml, ".yaml", ["$env", "staging", "log-level"], 17],
  [yaml, ".yaml", ["plugins", "./b.ts", "depth"], 13],
  [yaml, ".yaml", ["plugins", "shell", "start-timeout"], 10],
  [json, ".jsonc", ["log-level"], 9],
  [json, ".jsonc", ["plugins", "shell", "start-timeout"], 7],
  [json, ".jsonc", ["shell"], undefined],
  ['{\n\t"a": 1,\n\t"b": 2 }', ".json", ["b"], 3],
  [toml, ".toml", ["plugins", "shell", "start-timeout"], 4],
  [toml, ".toml", ["plugins", "./a.ts", "depth"], 6],
  [toml, ".toml", ["$env", "staging", "log-level"], 8],
  [toml, ".toml", ["log-level"], undefined],
  ["export default { text: 1 }", ".ts", ["text"], undefined],
])("the line of a key is found, or none is returned (%#)", async (text, extension, path, line) => {
  await using directory = await tmpdir();
  const file = join(directory.path, `file${extension}`);
  await writeFile(file, text);
  const { findLine } = await readConfigFile(file, "file");
  expect(findLine(path)).toBe(line as number);
});
