{{- define "agent.selector" -}}
app.kubernetes.io/name: signalman-agent
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "agent.labels" -}}
{{ include "agent.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "agent.secret" -}}
{{ .Values.existingSecret | default .Release.Name }}
{{- end }}

{{- define "agent.serviceAccount" -}}
{{ .Values.serviceAccount.name | default .Release.Name }}
{{- end }}

{{- define "agent.image" -}}
{{- if .Values.image.digest -}}
{{ printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else -}}
{{ printf "%s:%v" .Values.image.repository .Values.image.tag }}
{{- end -}}
{{- end }}

{{- /*
Changes with a secret. Called with a dict: root, value, existingSecret. Empty for a secret that does not exist yet, or
when the chart is rendered without a cluster.
*/ -}}
{{- define "agent.secretSum" -}}
{{- if not .existingSecret }}
{{- .value | sha256sum }}
{{- else }}
{{- with lookup "v1" "Secret" .root.Release.Namespace .existingSecret }}
{{- .data | toJson | sha256sum }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Metadata of an agent's pod. */ -}}
{{- define "agent.podMetadata" -}}
labels:
  {{- include "agent.selector" . | nindent 2 }}
  {{- with .Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $annotations := deepCopy .Values.podAnnotations }}
{{- /* Agents read secrets at their start. */ -}}
{{- $token := dict "root" . "value" .Values.token "existingSecret" .Values.existingSecret }}
{{- with include "agent.secretSum" $token }}
{{- $_ := set $annotations "checksum/token" . }}
{{- end }}
{{- if .Values.cache.enabled }}
{{- $cache := dict "root" . "value" .Values.cache.secret "existingSecret" .Values.cache.existingSecret }}
{{- with include "agent.secretSum" $cache }}
{{- $_ := set $annotations "checksum/cache-secret" . }}
{{- end }}
{{- end }}
{{- with $annotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* Environment of an agent. Called with a dict: root, env. */ -}}
{{- define "agent.env" -}}
{{- $values := .root.Values -}}
- name: SEMAPHORE_AGENT_ENDPOINT
  value: {{ $values.endpoint | quote }}
- name: SEMAPHORE_AGENT_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ include "agent.secret" .root }}
      key: token
- name: KUBERNETES_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: KUBERNETES_POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: KUBERNETES_POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
- name: SEMAPHORE_AGENT_NAME
  {{- /* A name has at least 8 characters. */}}
  value: {{ printf "%s$(KUBERNETES_POD_NAME)" (ternary "agent-" "" (lt (len .root.Release.Name) 6)) | quote }}
- name: SEMAPHORE_AGENT_KUBERNETES_EXECUTOR
  value: "true"
- name: SEMAPHORE_AGENT_KUBERNETES_DEFAULT_IMAGE
  value: {{ $values.kubernetes.defaultImage | quote }}
- name: SEMAPHORE_AGENT_KUBERNETES_POD_START_TIMEOUT
  value: {{ $values.kubernetes.podStartTimeout | quote }}
{{- with $values.kubernetes.allowedImages }}
- name: SEMAPHORE_AGENT_KUBERNETES_ALLOWED_IMAGES
  value: {{ join " " . | quote }}
{{- end }}
- name: SEMAPHORE_AGENT_KUBERNETES_LABELS
  value: {{ $labels := list (printf "signalman/release=%s" .root.Release.Name) }}{{ range $name, $value := $values.kubernetes.labels }}{{ $labels = append $labels (printf "%s=%v" $name $value) }}{{ end }}{{ join " " $labels | quote }}
{{- if $values.kubernetes.podSpec }}
- name: SEMAPHORE_AGENT_KUBERNETES_POD_SPEC
  value: {{ .root.Release.Name }}
{{- end }}
{{- if eq $values.mode "statefulset" }}
- name: SEMAPHORE_AGENT_KUBERNETES_OWNER
  value: {{ printf "%s-owner" .root.Release.Name }}
{{- end }}
{{- if $values.jobs.ca.configMap }}
- name: SEMAPHORE_AGENT_JOB_CA_FILE
  value: {{ printf "/etc/signalman/jobs/%s" $values.jobs.ca.key | quote }}
{{- end }}
{{- with $values.jobs.proxy }}
- name: SEMAPHORE_AGENT_JOB_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with $values.jobs.noProxy }}
- name: SEMAPHORE_AGENT_JOB_NO_PROXY
  value: {{ join " " . | quote }}
{{- end }}
{{- if $values.cache.enabled }}
{{ include "cache.agentEnv" .root }}
{{- end }}
{{- with $values.jobs.toolboxPath }}
- name: SEMAPHORE_AGENT_TOOLBOX_PATH
  value: {{ . | quote }}
{{- end }}
- name: SEMAPHORE_AGENT_HEALTH_LISTEN
  value: {{ printf ":%v" $values.health.port | quote }}
- name: SEMAPHORE_AGENT_STATE_DIR
  value: /var/lib/signalman
{{- range .env }}
- name: {{ .name }}
  value: {{ .value | quote }}
{{- end }}
{{- range $values.env }}
- name: {{ .name }}
  {{- if hasKey . "valueFrom" }}
  valueFrom: {{- toYaml .valueFrom | nindent 4 }}
  {{- else }}
  value: {{ .value | quote }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* The pod of an agent. Called with a dict: root, restartPolicy, grace, env; command, if it is not an agent; claim. */ -}}
{{- define "agent.podSpec" -}}
{{- $values := .root.Values -}}
serviceAccountName: {{ include "agent.serviceAccount" .root }}
restartPolicy: {{ .restartPolicy }}
terminationGracePeriodSeconds: {{ .grace }}
{{- if $values.hostNetwork }}
hostNetwork: true
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  # Otherwise each start makes the state writable for the group, and the agent refuses it.
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with $values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.topologySpreadConstraints }}
topologySpreadConstraints: {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: agent
    image: {{ include "agent.image" .root | quote }}
    imagePullPolicy: {{ $values.image.pullPolicy }}
    command: {{ .command | default (list "/opt/semaphore/agent" "start") | toJson }}
    env: {{- include "agent.env" (dict "root" .root "env" .env) | nindent 6 }}
    {{- if not .command }}
    ports:
      - name: metrics
        containerPort: {{ $values.health.port }}
    readinessProbe:
      httpGet:
        path: /readyz
        port: metrics
      periodSeconds: 10
      timeoutSeconds: 5
    {{- end }}
    resources: {{- toYaml $values.resources | nindent 6 }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities:
        drop: ["ALL"]
    volumeMounts:
      - name: state
        mountPath: /var/lib/signalman
      - name: tmp
        mountPath: /tmp
      {{- if $values.jobs.ca.configMap }}
      - name: jobs-ca
        mountPath: /etc/signalman/jobs
        readOnly: true
      {{- end }}
      {{- with $values.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
volumes:
  {{- if not .claim }}
  - name: state
    emptyDir: {}
  {{- end }}
  - name: tmp
    emptyDir: {}
  {{- with $values.jobs.ca.configMap }}
  - name: jobs-ca
    configMap:
      name: {{ . }}
  {{- end }}
  {{- with $values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
