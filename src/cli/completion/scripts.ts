import bash from "./script.bash.txt" with { type: "text" };
import fish from "./script.fish.txt" with { type: "text" };
import zsh from "./script.zsh.txt" with { type: "text" };

/** The shells that have completion. */
export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** The scripts of the shells. They call `signalman __complete` of the search path. */
export const completionScripts: Readonly<Record<Shell, string>> = { bash, zsh, fish };
