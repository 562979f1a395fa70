/**
 * Whether a command may clone or fetch: by the words that it has, also behind `retry`, in a list of commands or in a
 * substitution. A script that checks out is not recognised. A wrong guess does no harm: what is set for the command
 * leads to the same origin. Takes time in proportion to the length.
 */
export function mayCheckOut(directive: string): boolean {
  const text = directive.slice(0, mostCharacters);
  return hasCheckout(text) && !ownTransport.test(text);
}

function hasCheckout(text: string): boolean {
  /** What the next word is: one of a command, an option of git or its subcommand, the value of an option. */
  let next: "word" | "git" | "value" | "remote" = "word";
  for (const [, between = "", word = ""] of text.matchAll(words)) {
    if (/[;&|(){}`\n]/.test(between)) next = "word";
    if (next === "value") next = "git";
    else if (next === "remote") {
      if (word === "update") return true;
      next = "word";
    } else if (next === "git") {
      if (subcommands.has(word)) return true;
      if (word === "-C" || word === "-c") next = "value";
      else if (!word.startsWith("-")) next = word === "remote" ? "remote" : "word";
    } else if (word === "checkout") return true;
    else if (word === "git" || word.endsWith("/git")) next = "git";
  }
  return false;
}

const words = /([\s;&|(){}`"'$]*)([^\s;&|(){}`"'$]+)/g;
const subcommands = new Set(["clone", "fetch", "pull", "submodule"]);

/** The command chooses itself how git reaches its hosts. */
const ownTransport = /GIT_SSH|GIT_CONFIG|sshCommand|GIT_PROXY|http\.\S{0,200}proxy/i;
const mostCharacters = 65_536;
