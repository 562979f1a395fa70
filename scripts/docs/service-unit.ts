import { toServiceUnit, toShutdownSeconds } from "../../src/os/systemd/unit-settings.ts";
import type { GeneratedFile } from "./generated-file.ts";
import { declareBuiltIns } from "./options.ts";

/**
 * `docs/examples/signalman.service`: the unit that `signalman config migrate --unit` prints, for the default
 * options.
 */
export const serviceUnitFile: GeneratedFile = {
  file: "docs/examples/signalman.service",
  async render() {
    const declared = (await declareBuiltIns()).flatMap(({ options }) => options);
    const source = { kind: "default", name: "default" } as const;
    const options = declared.map((option) => ({ ...option, value: option.default, source }));
    const unit = toServiceUnit({
      shutdownSeconds: toShutdownSeconds({ file: undefined, options, of: () => undefined }),
      command: "/usr/local/bin/signalman start --config-file /etc/signalman/config.yaml",
      user: "signalman",
      environmentFiles: ["/etc/signalman/environment"],
    });
    return `${intro}\n${unit}`;
  },
};

const intro =
  "# /etc/systemd/system/signalman.service, for systemd 250 or newer. See docs/operations.md for an explanation.";
