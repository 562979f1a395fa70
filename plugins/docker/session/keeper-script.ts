import { privateDirectory } from "../containers/spec.ts";

/** What the kernel counts for a container, as the container sees it: cgroups of the second version, then of the first. */
const accountingFiles = [
  ...["cpu.stat", "memory.peak", "memory.events", "io.stat"].map((name) => `/sys/fs/cgroup/${name}`),
  "/sys/fs/cgroup/cpuacct/cpuacct.stat",
  "/sys/fs/cgroup/memory/memory.max_usage_in_bytes",
  "/sys/fs/cgroup/memory/memory.oom_control",
  "/sys/fs/cgroup/blkio/blkio.throttle.io_service_bytes",
];

/**
 * The shell text of the keeper: a process beside the job's shell, in the same container. It reads orders from
 * its standard input and answers each with a line. It starts no process for any of them, so that it works
 * where a job has taken all processes that a container may have: a shell that cannot start one may end.
 * Setting the terminal needs a program, which a helper of the keeper starts. When the input ends, the process
 * that runs the job is gone, and the keeper ends the job, so that no script goes on. Its argument is its
 * number: once a keeper with the next number runs, it obeys no order that it reads late, since both would
 * write the same file.
 */
export const keeperScript = `
LC_ALL=C; export LC_ALL
umask 022
trap '' HUP INT QUIT TERM PIPE
exec 3>&1
own=
{ IFS= read -r own <"${privateDirectory}/keeper-$(($1 - 1))"; } 2>/dev/null
own="$own\${own:+,}$$"
{ echo "$own" >"${privateDirectory}/keeper-$1"; } 2>/dev/null
next="${privateDirectory}/keeper-$(($1 + 1))"
list() {
  for file in /proc/[0-9]*; do
    stat=
    { IFS= read -r stat <"$file/stat"; } 2>/dev/null
    [ -n "$stat" ] || continue
    set -- \${stat##*) }
    printf ' %s,%s,%s' "\${file#/proc/}" "$1" "$2"
  done
}
show() {
  for file in $1; do
    [ -r "$file" ] || continue
    printf '|%s=' "\${file##*/}"
    while IFS= read -r line; do printf '%s;' "$line"; done <"$file"
  done 2>/dev/null
}
keep() {
  shell=
  while read -r order a b; do
    [ -e "$next" ] && continue
    case $order in
      shell) shell=$a; echo ok ;;
      new) { printf '' >"$a"; } 2>/dev/null && echo ok || echo no ;;
      add) { printf "$b" >>"$a"; } 2>/dev/null && echo ok || echo no ;;
      settle) echo settle >&4; echo ok ;;
      usage) printf ok; show "${accountingFiles.join(" ")}"; echo ;;
      list) printf 'ok %s' "$own"; list; echo ;;
      term) kill -STOP "$a" 2>/dev/null; kill -TERM -1 2>/dev/null; echo ok ;;
      kill) kill -KILL $a $b 2>/dev/null; echo ok ;;
      *) echo no ;;
    esac
  done
  [ -n "$shell" ] && kill -STOP "$shell" 2>/dev/null
  kill -KILL -1 2>/dev/null
}
help() {
  while read -r order; do { stty icanon </dev/console; } >/dev/null 2>&1; done
}
keep 4>&1 >&3 | help
`;

/** Bytes as the word of an `add` order: a format for \`printf\` that prints them. */
export function toFormat(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += plain[byte] ?? `\\${byte.toString(8).padStart(3, "0")}`;
  return text;
}

/** Bytes that mean themselves: no blank, no backslash, no percent sign. */
const plain: readonly (string | undefined)[] = Array.from({ length: 128 }, (_, byte) => {
  const char = String.fromCharCode(byte);
  return /[A-Za-z0-9_./:=,+@$"'()[\]{}<>|;&#!?*~^]/.test(char) ? char : undefined;
});
