import { quoteBytes, type DecodedVariable } from "./environment.ts";

/**
 * Returns shell text that gives a new shell the directory and the exported variables of another one, which
 * runs a command and cannot be asked. They are read from `/proc`: the directory is that of the shell, and the
 * variables are those of the newest program that it has started. Such a program has an empty `PS1`, which the
 * session exports and which the environment of a subshell that has started no program lacks. Without such a
 * program the shell gets `variables`.
 *
 * The job controls what is read, so that nothing of it is evaluated. The text starts no process, since a job
 * may have used up those that it may have. Variables that describe the shell itself are left alone.
 */
export function adoptText(shellPid: number, variables: readonly DecodedVariable[]): string {
  const own = variables.map(({ name, value }) => `\\builtin export ${name}=${quoteBytes(value)}`);
  const names = variables.map(({ name }) => name);
  return script
    .replace("SHELL_PID", String(shellPid))
    .replace("OWN_NAMES", names.join(" "))
    .replace("OWN_VARIABLES", () => ["\\builtin :", ...own].join("\n"));
}

/** `__a_` begins the names of the script's own variables. */
const script = `
__a_options=$-
\\builtin set +euf
__a_ifs=$IFS
IFS=$' \\t\\n'
__a_shell=SHELL_PID __a_found='' __a_pwd='' __a_entries=() __a_parents=("$__a_shell")
for __a_depth in 1 2 3 4; do
  __a_children=()
  for __a_parent in "\${__a_parents[@]}"; do
    __a_line=
    if [ -r "/proc/$$/task/$$/children" ]; then
      { IFS= \\builtin read -r __a_line <"/proc/$__a_parent/task/$__a_parent/children"; } 2>/dev/null
      __a_children+=($__a_line)
    else
      for __a_file in /proc/[0-9]*; do
        { IFS= \\builtin read -r __a_line <"$__a_file/stat"; } 2>/dev/null || \\builtin continue
        __a_line=\${__a_line##*) } __a_line=\${__a_line#? }
        [ "\${__a_line%% *}" != "$__a_parent" ] || __a_children+=("\${__a_file#/proc/}")
      done
    fi
  done
  for ((__a_at = \${#__a_children[@]} - 1; __a_at >= 0; __a_at--)); do
    __a_entries=()
    {
      while IFS= \\builtin read -r -d '' __a_entry; do
        __a_entries+=("$__a_entry")
        [ "$__a_entry" != PS1= ] || __a_found=yes
      done <"/proc/\${__a_children[__a_at]}/environ"
    } 2>/dev/null
    [ -z "$__a_found" ] || \\builtin break 2
  done
  __a_parents=("\${__a_children[@]}")
  ((\${#__a_parents[@]} > 0)) || \\builtin break
done
if [ -n "$__a_found" ]; then
  __a_names=' '
  for __a_entry in "\${__a_entries[@]}"; do __a_names+="\${__a_entry%%=*} "; done
  for __a_name in OWN_NAMES; do
    case $__a_names in *" $__a_name "*) ;; *) \\builtin unset -v "$__a_name" ;; esac
  done 2>/dev/null
  for __a_entry in "\${__a_entries[@]}"; do
    __a_name=\${__a_entry%%=*}
    case $__a_name in
      PWD) __a_pwd=\${__a_entry#*=}; \\builtin continue ;;
      '' | [0-9]* | *[!abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_]*) \\builtin continue ;;
      _ | __a_* | __signalman* | OLDPWD | SHLVL | PS[0-4] | PROMPT_COMMAND | TMOUT | IFS) \\builtin continue ;;
      UID | EUID | PPID | SHELLOPTS | BASHOPTS | BASH_VERSINFO) \\builtin continue ;;
    esac
    \\builtin export "$__a_entry"
  done 2>/dev/null
else
  OWN_VARIABLES
fi
if \\builtin cd -P "/proc/$__a_shell/cwd"; then
  # The same directory by the name that the job uses, which may lead through links.
  [ -n "$__a_pwd" ] && [ "$__a_pwd" -ef . ] && \\builtin cd -L "$__a_pwd"
fi >/dev/null 2>&1
IFS=$__a_ifs
for __a_option in e u f; do
  case $__a_options in *"$__a_option"*) \\builtin set "-$__a_option" ;; esac
done
\\builtin unset -v "\${!__a_@}"
\\builtin :
`;
