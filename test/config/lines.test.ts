import { expect, test } from "bun:test";
import { findLine } from "../../src/core/config/lines.ts";

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
  [yaml, ".yaml", ["$env", "staging", "log-level"], 13],
  [yaml, ".yaml", ["plugins", "shell", "start-timeout"], 10],
  [json, ".jsonc", ["log-level"], 9],
  [json, ".json", ["plugins", "shell", "start-timeout"], 7],
  [json, ".json", ["shell"], undefined],
  [toml, ".toml", ["plugins", "shell", "start-timeout"], 4],
  [toml, ".toml", ["plugins", "./a.ts", "depth"], 6],
  [toml, ".toml", ["$env", "staging", "log-level"], 8],
  [toml, ".toml", ["log-level"], undefined],
  ["export default { text: 1 }", ".ts", ["text"], undefined],
])("the line of a key is found, or none is claimed (%#)", (text, extension, path, line) => {
  expect(findLine(text, extension, path)).toBe(line as number);
});
