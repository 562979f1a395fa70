import type { AgentMetric } from "./metric.ts";

const states = ["starting", "waiting", "paused", "running", "left", "failed"] as const;
/** Seconds. */
const syncBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The metrics of the agent and its slots. */
export const slotMetrics: readonly AgentMetric[] = [
  {
    help: "Constant 1, labelled with the version of the agent.",
    kind: "gauge",
    labels: { version: "any" },
    prometheus: { name: "signalman_build_info" },
    read: ({ version }) => [{ value: 1, labels: { version } }],
  },
  {
    help: "Slots of the agent by their state.",
    kind: "gauge",
    labels: { state: states },
    prometheus: { name: "signalman_slots" },
    read: ({ slots }) =>
      states.map((state) => ({
        value: slots.filter((slot) => slot.state === state).length,
        labels: { state },
      })),
  },
  {
    help: "Unix time since which a slot is paused, by the plugin that refuses jobs.",
    kind: "gauge",
    unit: "ms",
    labels: { slot: "any", plugin: "any" },
    prometheus: { name: "signalman_slot_paused_timestamp_seconds" },
    read: ({ slots }) =>
      slots.flatMap(({ slot, paused }) =>
        paused === undefined
          ? []
          : [{ value: paused.since, labels: { slot: `${slot}`, plugin: paused.plugin } }],
      ),
  },
  {
    help: "Pauses of slots, by the plugin that refused jobs.",
    kind: "counter",
    labels: { plugin: "any" },
    prometheus: { name: "signalman_slot_pauses_total" },
    statsd: { name: "slot.paused", tags: ["plugin"] },
    on: { "agent:paused": ({ plugin }) => [{ value: 1, labels: { plugin } }] },
  },
  {
    help: "Pauses of slots that have ended.",
    kind: "counter",
    statsd: { name: "slot.resumed" },
    on: { "agent:resumed": () => 1 },
  },
  {
    help: "Checks of admission that gave no answer when they were last asked, of all slots.",
    kind: "gauge",
    prometheus: { name: "signalman_admission_faults" },
    read: ({ slots }) => slots.reduce((sum, { admissionFaults = [] }) => sum + admissionFaults.length, 0),
  },
  {
    help: "Registered slots.",
    kind: "counter",
    statsd: { name: "slot.registered" },
    on: { "agent:registered": () => 1 },
  },
  {
    help: "Slots that have disconnected, by reason: `idle`, `job-finished`, `requested`, `interrupted`, …",
    kind: "counter",
    labels: { reason: "any" },
    statsd: { name: "slot.left", tags: ["reason"] },
    on: { "agent:left": ({ reason }) => [{ value: 1, labels: { reason } }] },
  },
  {
    help: "Listeners of plugins that have not returned in time, 1 for each.",
    kind: "gauge",
    labels: { plugin: "any", hook: "any" },
    prometheus: { name: "signalman_hanging_hooks" },
    read: ({ hangingHooks = [] }) =>
      hangingHooks.map(({ plugin, hook }) => ({ value: 1, labels: { plugin, hook } })),
  },
];

/** The metrics of the calls that keep slots registered. */
export const syncMetrics: readonly AgentMetric[] = [
  {
    help: "Duration of syncs with the control plane, including failed ones.",
    kind: "distribution",
    unit: "ms",
    labels: { outcome: ["answered", "failed"] },
    prometheus: { name: "signalman_sync_duration_seconds", labels: [], buckets: syncBuckets },
    statsd: {
      name: "sync.duration",
      only: { outcome: "answered" },
      help: "Duration of the answered syncs with the control plane.",
    },
    on: {
      "agent:synced": ({ durationMs, error }) => [
        { value: durationMs, labels: { outcome: error === undefined ? "answered" : "failed" } },
      ],
    },
  },
  {
    help: "Failed syncs with the control plane.",
    kind: "counter",
    prometheus: { name: "signalman_sync_failures_total" },
    statsd: { name: "sync.failed" },
    on: { "agent:synced": ({ error }) => (error === undefined ? undefined : 1) },
  },
  {
    help: "Unix time of the last answered sync.",
    kind: "gauge",
    unit: "ms",
    labels: { slot: "any" },
    prometheus: { name: "signalman_last_sync_timestamp_seconds" },
    read: ({ slots }) =>
      slots.flatMap(({ slot, sync }) =>
        sync?.succeededAt === undefined ? [] : [{ value: sync.succeededAt, labels: { slot: `${slot}` } }],
      ),
  },
  {
    help: "Slots with a job. Sent with each sync, and when a slot has disconnected.",
    kind: "gauge",
    statsd: { name: "slot.busy" },
    read: ({ slots }) => slots.filter(({ job }) => job !== undefined).length,
  },
];
