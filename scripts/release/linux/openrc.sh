# The service under OpenRC.

settings=/etc/conf.d/signalman
start_command="rc-update add signalman && rc-service signalman start"

has_manager() { [ -d /run/openrc ] && command -v rc-service > /dev/null; }

# An agent that finishes its last job is no longer a service.
is_active() { pgrep -f '^/usr/bin/signalman start ' > /dev/null; }

reload_manager() { :; }

start_service() { rc-update add signalman default && rc-service signalman start || true; }

disable_service() { rc-update --all delete signalman > /dev/null 2>&1 || true; }

hand_over() { rc-service --ifstarted signalman restart || true; }

# The agent finishes its job and takes no other; its supervisor starts the new version then.
drain() {
  RC_SVCNAME=signalman supervise-daemon signalman --pidfile /run/supervise-signalman.pid --signal QUIT || true
}

# The same, without a supervisor.
drain_last() { rc-service --ifstarted signalman drain || true; }

forget_service() { :; }
