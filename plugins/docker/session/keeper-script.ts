import { privateDirectory } from "../containers/spec.ts";

/** Accounting files of the container's cgroup: of version 2, then of version 1. */
const accountingFiles = [
  ...["cpu.stat", "memory.peak", "memory.current", "memory.events", "io.stat", "memory.stat"].map(
    (name) => `/sys/fs/cgroup/${name}`,
  ),
  "/sys/fs/cgroup/cpuacct/cpuacct.stat",
  "/sys/fs/cgroup/memory/memory.max_usage_in_bytes",
  "/sys/fs/cgroup/memory/memory.usage_in_bytes",
  "/sys/fs/cgroup/memory/memory.stat",
  "/sys/fs/cgroup/memory/memory.oom_control",
  "/sys/fs/cgroup/blkio/blkio.throttle.io_service_bytes",
];

/**
 * Shell script of the keeper: a helper process in the container of the job's shell. It reads orders from its
 * standard input and answers each with one line. It starts no process for an order, so that it works when the
 * job has exhausted the container's process limit: a shell that cannot fork may exit. Only setting the
 * terminal needs a program, which a child of the keeper starts. When its input ends, the process that runs
 * the job has died, and the keeper kills the job so that no script continues; with a second argument another
 * process may continue the job, and the keeper just exits. Its first argument is its number: it ignores orders
 * once a keeper with the next number runs, since both would write the same file.
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
    while IFS= read -r line; do
      printf '%s;' "$line"
      # The rest of this file, which is the longest, has nothing that is used.
      case $line in inactive_file*) break ;; esac
    done <"$file"
  done 2>/dev/null
}
held=$2
keep() {
  shell=
  while read -r order a b; do
    [ -e "$next" ] && continue
    case $order in
      shell) shell=$a; echo ok ;;
      new) { printf '' >"$a"; } 2>/dev/null && echo ok || echo no ;;
      add) { printf "$b" >>"$a"; } 2>/dev/null && echo ok || echo no ;;
      release) held=; echo ok ;;
      print) { printf "$a" >/dev/console; } 2>/dev/null && echo ok || echo no ;;
      settle) echo settle >&4; echo ok ;;
      usage) printf ok; show "${accountingFiles.join(" ")}"; echo ;;
      list) printf 'ok %s' "$own"; list; echo ;;
      term) kill -STOP "$a" 2>/dev/null; kill -TERM -1 2>/dev/null; echo ok ;;
      kill) kill -KILL $a $b 2>/dev/null; echo ok ;;
      *) echo no ;;
    esac
  done
  [ -n "$held" ] && return
  [ -n "$shell" ] && kill -STOP "$shell" 2>/dev/null
  kill -KILL -1 2>/dev/null
}
help() {
  while read -r order; do { stty icanon </dev/console; } >/dev/null 2>&1; done
}
keep 4>&1 >&3 | help
`;

/** Encodes bytes as the argument of an `add` order: a format for \`printf\` that prints them. */
export function toFormat(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += plain[byte] ?? `\\${byte.toString(8).padStart(3, "0")}`;
  return text;
}

/** Characters that need no escape: no blank, no backslash, no percent sign. */
const plain: readonly (string | undefined)[] = Array.from({ length: 128 }, (_, byte) => {
  const char = String.fromCharCode(byte);
  return /[A-Za-z0-9_./:=,+@$"'()[\]{}<>|;&#!?*~^]/.test(char) ? char : undefined;
});
