#!/bin/sh
# Installs Signalman, a CI job agent for Semaphore.
#
# Beside an unpacked `agent` it needs no network: it writes config.yaml and the service `semaphore-agent`. Alone it finds the
# release for this system in SIGNALMAN_BASE_URL, verifies signature and checksum, and installs the package, or the program.
#
#   SIGNALMAN_BASE_URL   where the files of releases are: an https URL (http on loopback only) or a directory
#   SIGNALMAN_VERSION    the version: its files are in <base>/<version>. Left out: in <base> itself
#   SIGNALMAN_METHOD     `package` or `archive`. Default: a package where there is dpkg, rpm or apk
#   SIGNALMAN_DIRECTORY  where an archive is unpacked. Default: /opt/semaphore/agent
#
# The variables of Semaphore's installer are understood: SEMAPHORE_ENDPOINT or SEMAPHORE_ORGANIZATION,
# SEMAPHORE_REGISTRATION_TOKEN, SEMAPHORE_AGENT_INSTALLATION_USER, SEMAPHORE_AGENT_START, SEMAPHORE_AGENT_SHUTDOWN_HOOK,
# SEMAPHORE_AGENT_DISCONNECT_AFTER_JOB, SEMAPHORE_AGENT_DISCONNECT_AFTER_IDLE_TIMEOUT, SEMAPHORE_AGENT_SYSTEMD_RESTART,
# SEMAPHORE_AGENT_SYSTEMD_RESTART_SEC, SEMAPHORE_TOOLBOX_VERSION.

set -eu

# Of the keys of releases, one per line: the present one and the next one.
release_keys='@RELEASE_KEYS@'
namespace=signalman-release

say() { printf 'signalman: %s\n' "$*"; }

fail() {
  printf 'signalman: %s\n' "$*" >&2
  exit 1
}

main() {
  system=$(uname -s)
  # Read from a pipe, it has no directory of its own.
  here=
  case $0 in *install.sh) here=$(cd -- "$(dirname -- "$0")" && pwd -P) ;; esac
  if [ -n "$here" ] && [ -f "$here/agent" ] && [ -z "${SIGNALMAN_BASE_URL-}" ]; then
    need_root
    set_up "$here"
  else
    install_release
  fi
}

need_root() { [ "$(id -u)" = 0 ] || fail "this needs root: run it with sudo"; }

# --- A release ---------------------------------------------------------------------------------------------------------

install_release() {
  base=${SIGNALMAN_BASE_URL-}
  [ -n "$base" ] || fail "set SIGNALMAN_BASE_URL: the URL or the directory of the files of a release"
  base=${base%/}${SIGNALMAN_VERSION:+/$SIGNALMAN_VERSION}
  case $base in
    https://* | /*) ;;
    http://localhost[:/]* | http://127.0.0.1[:/]* | 'http://[::1]'[:/]*) ;;
    http://*) fail "SIGNALMAN_BASE_URL is \"$base\": http is allowed on loopback only, use https" ;;
    *) fail "SIGNALMAN_BASE_URL is \"$base\": it must be an https URL or an absolute path" ;;
  esac
  need_root
  [ -n "$release_keys" ] || fail "this installer is of an unsigned build and knows no key: it cannot verify a release"
  find_platform
  method=$(choose_method)
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' INT TERM HUP

  fetch SHA256SUMS
  fetch SHA256SUMS.sig
  verify_signature
  version=$(sed -n '1s/^# signalman //p' "$work/SHA256SUMS")
  [ -n "$version" ] || fail "SHA256SUMS names no version in its first line"
  [ -z "${SIGNALMAN_VERSION-}" ] || [ "${SIGNALMAN_VERSION#v}" = "$version" ] \
    || fail "the files in $base are of version $version, and SIGNALMAN_VERSION is $SIGNALMAN_VERSION"
  case $method in
    package) install_package ;;
    archive) install_archive ;;
  esac
}

find_platform() {
  case $(uname -m) in
    x86_64 | amd64) machine=x86_64 arch=amd64 ;;
    aarch64 | arm64) machine=arm64 arch=arm64 ;;
    *) fail "there is no release for the processor \"$(uname -m)\": only for x86_64 and arm64" ;;
  esac
  case $system in
    Linux | Darwin) ;;
    *) fail "there is no release for \"$system\": only for Linux and macOS" ;;
  esac
  libc=
  if [ "$system" = Linux ] && ls /lib/ld-musl-*.so.1 > /dev/null 2>&1 && ! has_glibc; then libc=_musl; fi
  archive=agent_${system}_$machine$libc.tar.gz
}

# A system may have both C libraries.
has_glibc() { ls /lib64/ld-linux-*.so.* /lib/ld-linux-*.so.* > /dev/null 2>&1; }

choose_method() {
  case ${SIGNALMAN_METHOD-} in
    package | archive) echo "$SIGNALMAN_METHOD" ;;
    '') if [ -n "$(package_manager)" ]; then echo package; else echo archive; fi ;;
    *) fail "SIGNALMAN_METHOD is \"$SIGNALMAN_METHOD\": it must be \"package\" or \"archive\"" ;;
  esac
}

package_manager() {
  [ "$system" = Linux ] || return 0
  for manager in dpkg rpm apk; do
    command -v "$manager" > /dev/null || continue
    # Debian has rpm as a tool.
    [ "$manager" != rpm ] || rpm -q rpm > /dev/null 2>&1 || continue
    echo "$manager"
    return
  done
}

# fetch <file>: copies a file of the release to $work.
fetch() {
  case $base in
    /*) cp -- "$base/$1" "$work/$1" || fail "cannot read $base/$1" ;;
    *)
      if command -v curl > /dev/null; then
        curl --fail --silent --show-error --location --proto '=https,http' --proto-redir '=https' --connect-timeout 30 \
          --output "$work/$1" "$base/$1" || fail "cannot download $base/$1"
      elif command -v wget > /dev/null; then
        wget -q -O "$work/$1" "$base/$1" || fail "cannot download $base/$1"
      else
        fail "curl or wget is needed to download $base/$1"
      fi
      ;;
  esac
}

verify_signature() {
  command -v ssh-keygen > /dev/null || fail "ssh-keygen (package openssh-client) is needed to verify the release"
  printf '%s\n' "$release_keys" | sed "s/^/signalman namespaces=\"$namespace\" /" > "$work/signers"
  ssh-keygen -Y verify -q -f "$work/signers" -I signalman -n "$namespace" -s "$work/SHA256SUMS.sig" \
    < "$work/SHA256SUMS" > /dev/null 2>&1 \
    || fail "the signature of $base/SHA256SUMS is not by a key of Signalman: nothing was installed"
}

# take <file>: fetches a file and verifies its checksum.
take() {
  expected=$(awk -v name="$1" '$2 == name { print $1 }' "$work/SHA256SUMS")
  [ -n "$expected" ] || fail "the release has no file $1"
  fetch "$1"
  if command -v sha256sum > /dev/null; then
    actual=$(sha256sum "$work/$1" | cut -d' ' -f1)
  else
    actual=$(shasum -a 256 "$work/$1" | cut -d' ' -f1)
  fi
  [ "$actual" = "$expected" ] || fail "$base/$1 has the checksum $actual, and the release names $expected: nothing was installed"
}

install_package() {
  manager=$(package_manager)
  case $manager in
    dpkg) package=signalman_${version}_$arch.deb ;;
    rpm) package=signalman_${version}_$arch.rpm ;;
    apk) package=signalman_${version}_$arch.apk ;;
    *) fail "SIGNALMAN_METHOD is \"package\", and there is no dpkg, rpm or apk" ;;
  esac
  take "$package"
  say "installing $package"
  chmod 0755 "$work"
  case $manager in
    dpkg) if command -v apt-get > /dev/null; then apt-get install --yes --quiet "$work/$package"; else dpkg --install "$work/$package"; fi ;;
    rpm) if command -v dnf > /dev/null; then dnf install --assumeyes "$work/$package"; else rpm --upgrade "$work/$package"; fi ;;
    apk) apk add --allow-untrusted "$work/$package" ;;
  esac
  if [ -f /etc/systemd/system/semaphore-agent.service ] && [ -f /opt/semaphore/agent/config.yaml ]; then
    say "a Semaphore agent is installed: what stays and what changes when its configuration is migrated:"
    signalman config migrate || true
    say "then: signalman config migrate --write /etc/signalman/config.yaml --force"
  fi
}

install_archive() {
  directory=${SIGNALMAN_DIRECTORY:-/opt/semaphore/agent}
  take "$archive"
  mkdir "$work/unpacked"
  tar -xzf "$work/$archive" -C "$work/unpacked"
  mkdir -p "$directory"
  for name in agent install.sh; do
    mode=0755
    # Its user cannot read it: the kernel then closes the agent's memory to jobs from its start.
    [ "$name" = install.sh ] || mode=0711
    # A running program is replaced by a rename.
    install -o 0 -g 0 -m "$mode" "$work/unpacked/$name" "$directory/.$name.new"
    mv -f "$directory/.$name.new" "$directory/$name"
  done
  for folder in completions man; do
    [ -d "$work/unpacked/$folder" ] || continue
    mkdir -p "$directory/$folder"
    install -o 0 -g 0 -m 0644 "$work/unpacked/$folder"/* "$directory/$folder"
  done
  say "version $version is in $directory"
  set_up "$directory"
}

# --- The service -------------------------------------------------------------------------------------------------------

# set_up <directory>: writes the configuration and the service of the agent in that directory.
set_up() {
  directory=$1
  ask_settings
  write_config
  install_toolbox
  case $system in
    Linux) if command -v systemctl > /dev/null; then write_unit; else say "no systemd: start it with $start"; fi ;;
    Darwin) write_daemon ;;
  esac
  say "done"
}

# ask <variable> <question>: asks for a setting, where there is someone to answer.
ask() {
  eval "value=\${$1-}"
  [ -z "$value" ] || return 0
  [ -t 0 ] || fail "$1 is not set"
  printf '%s: ' "$2"
  read -r value
  [ -n "$value" ] || fail "$1 is empty"
  eval "$1=\$value"
}

ask_settings() {
  if [ -z "${SEMAPHORE_ENDPOINT-}" ]; then
    ask SEMAPHORE_ORGANIZATION "Organization"
    SEMAPHORE_ENDPOINT=$SEMAPHORE_ORGANIZATION.semaphoreci.com
  fi
  ask SEMAPHORE_REGISTRATION_TOKEN "Registration token"
  ask SEMAPHORE_AGENT_INSTALLATION_USER "User of the agent and its jobs"
  user=$SEMAPHORE_AGENT_INSTALLATION_USER
  id "$user" > /dev/null 2>&1 || fail "there is no user \"$user\" (SEMAPHORE_AGENT_INSTALLATION_USER)"
  for name in SEMAPHORE_ENDPOINT SEMAPHORE_REGISTRATION_TOKEN SEMAPHORE_AGENT_SHUTDOWN_HOOK directory; do
    eval "value=\${$name-}"
    # Not with the value, which may be the token.
    case $value in *[\"\\\$\`\'[:cntrl:]]*) fail "$name contains quotes, a backslash, \$ or a line end" ;; esac
  done
  start="$directory/agent start --config-file $directory/config.yaml"
}

write_config() {
  say "writing $directory/config.yaml"
  umask 022
  # Only root may write here, so that no other user can replace the program.
  chown root "$directory"
  chmod go-w "$directory"
  # The token is not in it: jobs run as the user of the agent, which must be able to read the configuration.
  replace "$directory/config.yaml" 0644 << END
endpoint: "$SEMAPHORE_ENDPOINT"
no-https: false
shutdown-hook-path: "${SEMAPHORE_AGENT_SHUTDOWN_HOOK-}"
disconnect-after-job: ${SEMAPHORE_AGENT_DISCONNECT_AFTER_JOB:-false}
disconnect-after-idle-timeout: ${SEMAPHORE_AGENT_DISCONNECT_AFTER_IDLE_TIMEOUT:-0}
env-vars: []
files: []
fail-on-missing-files: false
END
  replace "$directory/environment" 0600 << END
SEMAPHORE_AGENT_TOKEN=$SEMAPHORE_REGISTRATION_TOKEN
SEMAPHORE_AGENT_LOG_FILE_PATH=$directory/log/agent.log
END
  chown root "$directory/agent"
  chmod 0711 "$directory/agent"
  mkdir -p "$directory/log"
  chown "$user" "$directory/log"
}

# replace <file> <mode>: writes standard input to a new file, and renames it.
replace() {
  rm -f "$1.new"
  (umask 077 && cat > "$1.new")
  chmod "$2" "$1.new"
  mv -f "$1.new" "$1"
}

# The commands of Semaphore (checkout, cache, artifact): from a toolbox.tar beside the agent, else by download.
install_toolbox() {
  home=$(eval "echo ~$user")
  if [ -f "$directory/toolbox.tar" ]; then
    toolbox=$directory/toolbox.tar
  elif [ -d "$home/.toolbox" ] && [ -z "${SEMAPHORE_TOOLBOX_VERSION-}" ]; then
    return 0
  elif [ -n "${SEMAPHORE_TOOLBOX_VERSION-}" ]; then
    toolbox=$directory/.toolbox.tar
    name=self-hosted-$(echo "$system" | tr '[:upper:]' '[:lower:]')
    case $(uname -m) in arm* | aarch64) name=$name-arm ;; esac
    place=download/$SEMAPHORE_TOOLBOX_VERSION
    [ "$SEMAPHORE_TOOLBOX_VERSION" != latest ] || place=latest/download
    url=https://github.com/semaphoreci/toolbox/releases/$place/$name.tar
    say "downloading the toolbox $url"
    curl --fail --silent --show-error --location --connect-timeout 30 --output "$toolbox" "$url" \
      || fail "cannot download the toolbox from $url"
  else
    say "$home/.toolbox is missing: jobs have no \"checkout\", \"cache\" and \"artifact\" (set SEMAPHORE_TOOLBOX_VERSION, such as latest, or put toolbox.tar into $directory)"
    return 0
  fi
  say "installing the toolbox into $home/.toolbox"
  chmod 0644 "$toolbox"
  as_user "cd && rm -rf .toolbox && tar -xf '$toolbox' && mv toolbox .toolbox && bash .toolbox/install-toolbox \
    && { grep -qsF 'source ~/.toolbox/toolbox' .bash_profile || echo 'source ~/.toolbox/toolbox' >> .bash_profile; }"
  rm -f "$directory/.toolbox.tar"
}

as_user() {
  if [ "$system" = Linux ]; then su -s /bin/bash - "$user" -c "$1"; else su - "$user" -c "$1"; fi
}

write_unit() {
  unit=/etc/systemd/system/semaphore-agent.service
  say "writing $unit"
  replace "$unit" 0644 << END
[Unit]
Description=Semaphore agent (Signalman)
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
WatchdogSec=2min
User=$user
WorkingDirectory=$directory
EnvironmentFile=$directory/environment
ExecStart=$start
Restart=${SEMAPHORE_AGENT_SYSTEMD_RESTART:-always}
RestartSec=${SEMAPHORE_AGENT_SYSTEMD_RESTART_SEC:-60}
KillMode=process
RestartKillSignal=SIGUSR2
Delegate=yes
DelegateSubgroup=agent
OOMPolicy=continue
TimeoutStopSec=23min
StateDirectory=semaphore-agent
StateDirectoryMode=0700
TasksMax=infinity

[Install]
WantedBy=multi-user.target
END
  [ -d /run/systemd/system ] || return 0
  systemctl daemon-reload
  [ "${SEMAPHORE_AGENT_START-}" != false ] || return 0
  say "starting semaphore-agent"
  # A running agent hands its job over.
  systemctl restart semaphore-agent
}

write_daemon() {
  daemon=/Library/LaunchDaemons/com.semaphoreci.agent.plist
  say "writing $daemon"
  # launchd reads no file of variables: the token is in the daemon's file, which only root can read.
  replace "$daemon" 0600 << END
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key><string>com.semaphoreci.agent</string>
  <key>ProgramArguments</key>
  <array>
    <string>$directory/agent</string>
    <string>start</string>
    <string>--config-file</string>
    <string>$directory/config.yaml</string>
  </array>
  <key>EnvironmentVariables</key>
  <dict>
    <key>SEMAPHORE_AGENT_TOKEN</key><string>$SEMAPHORE_REGISTRATION_TOKEN</string>
    <key>SEMAPHORE_AGENT_LOG_FILE_PATH</key><string>$directory/log/agent.log</string>
    <key>PATH</key><string>/usr/local/bin:/opt/homebrew/bin:/usr/bin:/bin:/usr/sbin:/sbin</string>
  </dict>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><dict><key>Crashed</key><true/></dict>
  <key>AbandonProcessGroup</key><true/>
  <key>UserName</key><string>$user</string>
  <key>WorkingDirectory</key><string>$directory</string>
</dict>
</plist>
END
  chown root:wheel "$daemon"
  [ "${SEMAPHORE_AGENT_START-}" != false ] || return 0
  launchctl bootout system "$daemon" 2> /dev/null || true
  launchctl bootstrap system "$daemon"
}

main "$@"
