/**
 * The program that git runs instead of ssh while a command checks out. It asks this process to serve; in all other
 * cases it becomes the ssh that git would have run. bash and cat are all that it needs, also in a container.
 */
export const sshScript = `
address=$GIT_MIRROR_ADDRESS token=$GIT_MIRROR_TOKEN
unset GIT_CONFIG_PARAMETERS GIT_MIRROR_ADDRESS GIT_MIRROR_TOKEN GIT_MIRROR_SSH
own=$(git config --get core.sshCommand 2>/dev/null)
become_ssh() {
  exec 3>&- 2>/dev/null
  if [ -n "$own" ]; then exec sh -c "$own \\"\\$@\\"" ssh "$@"; fi
  exec "\${GIT_SSH:-ssh}" "$@"
}
case "$*" in *"git-upload-pack '"*) ;; *) become_ssh "$@" ;; esac
[ -z "$own$GIT_SSH" ] && [ "$GIT_PROTOCOL" = version=2 ] || become_ssh "$@"
path=/dev/tcp/\${address%:*}/\${address##*:}
case "$address" in
  127.0.0.1:*) ;;
  *) timeout 5 bash -c "exec 3<>$path" 2>/dev/null || become_ssh "$@" ;;
esac
{ exec 3<>"$path"; } 2>/dev/null || become_ssh "$@"
{ printf 'ssh %s %s\\n' "$token" "$#"; printf '%s\\n' "$@"; } >&3 2>/dev/null
IFS= read -r answer <&3 || answer='the agent does not answer'
if [ "$answer" != serve ]; then
  [ "$answer" = other ] || printf 'signalman: cloning from the origin: %s\\n' "$answer" >&2
  become_ssh "$@"
fi
exec 4<&0
{ cat <&4; printf 0000; } >&3 2>/dev/null &
exec 4<&-
cat <&3
kill $! 2>/dev/null
exit 0
`;

/** The words of git's configuration `core.sshCommand`: the script is in a variable. */
export const sshCommand = 'bash -c "$GIT_MIRROR_SSH" git-mirror-ssh';
