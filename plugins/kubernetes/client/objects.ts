/** The parts of Kubernetes objects that this plugin reads or writes. */

export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly deletionTimestamp?: string;
  readonly ownerReferences?: readonly object[];
}

/** A container of a pod's specification or of the decorator. Unknown fields are kept. */
export interface Container {
  readonly name?: string;
  readonly image?: string;
  readonly env?: readonly object[];
  readonly volumeMounts?: readonly object[];
  readonly securityContext?: SecurityContext;
  readonly readinessProbe?: object;
  readonly startupProbe?: object;
  readonly [field: string]: unknown;
}

/** Security context of a pod or a container. */
export interface SecurityContext {
  readonly runAsUser?: number | null;
  readonly runAsGroup?: number | null;
  readonly [field: string]: unknown;
}

export interface PodSpec {
  readonly automountServiceAccountToken?: boolean;
  readonly serviceAccountName?: string;
  /** The deprecated name of `serviceAccountName`. */
  readonly serviceAccount?: string;
  readonly securityContext?: SecurityContext;
  readonly containers?: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly object[];
  readonly imagePullSecrets?: readonly object[];
  readonly hostAliases?: readonly object[];
  readonly nodeName?: string;
  readonly [field: string]: unknown;
}

export interface Pod {
  readonly apiVersion?: "v1";
  readonly kind?: "Pod";
  readonly metadata: Metadata;
  readonly spec: PodSpec;
  readonly status?: PodStatus;
}

export interface PodStatus {
  readonly phase?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly conditions?: readonly PodCondition[];
  readonly initContainerStatuses?: readonly ContainerStatus[];
  readonly containerStatuses?: readonly ContainerStatus[];
}

export interface PodCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface ContainerStatus {
  readonly name: string;
  readonly image: string;
  readonly ready: boolean;
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly running?: { readonly startedAt?: string };
    readonly terminated?: {
      readonly reason?: string;
      readonly message?: string;
      readonly exitCode?: number;
      readonly signal?: number;
    };
  };
}

export interface Secret {
  readonly apiVersion: "v1";
  readonly kind: "Secret";
  readonly metadata: Metadata;
  readonly type: string;
  readonly immutable: true;
  /** Values in base64. */
  readonly data: Readonly<Record<string, string>>;
}

export interface ConfigMap {
  readonly metadata?: Metadata;
  readonly data?: Readonly<Record<string, string>>;
}

export interface StatefulSet {
  readonly metadata: Metadata;
  readonly spec?: { readonly replicas?: number; readonly ordinals?: { readonly start?: number } };
}

export interface KubernetesEvent {
  readonly metadata: Metadata;
  readonly reason?: string;
  readonly message?: string;
  readonly involvedObject?: { readonly uid?: string };
}
